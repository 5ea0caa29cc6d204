"""Keys that sign the tokens of tests, and nothing else. They are kept, for each takes a while to find."""

from cryptography.hazmat.primitives.asymmetric import ec, rsa

EXPONENT = 65_537


def _rsa(*primes: str) -> rsa.RSAPrivateKey:
    p, q = (int(each, 16) for each in primes)
    d = rsa.rsa_recover_private_exponent(EXPONENT, p, q)
    public = rsa.RSAPublicNumbers(EXPONENT, p * q)
    rest = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return rsa.RSAPrivateNumbers(p, q, d, *rest, public).private_key(
        unsafe_skip_rsa_key_validation=True  # which takes as long
    )


RSA = [
    _rsa(
        "fb3b1c25648535811b593d475533cc4ead9d49e208ef183ce01bfb5801041cbb83051e1ba66205380bc70e5e"
        "985d2eca58101735d159c9e834404b0ed52202eb5549ef89b88cfad8e7fda231bcefbfecade67a5b02060a37"
        "03a7cc76a9d73f7ee41aa7bd08872b7c0d15e0cdf131f399ec1a7144be108facf8274c0c0a1811d3",
        "beb05f59a0171532c20a4a6f1bb49b88ac48799ff2ccbeae4f423c014a485f6e4df5b162e9a969be76f1311d"
        "9a1959471689b7ed9c4784a7e36a713d5b687cc3fbf02cfd7510e47cd0d383ae27a885e8a8dda85b2b075a6c"
        "c060c195a608345b491e18ba01d71092b4983a005aafbb156ee358154aec09cc5f6be42d972dd36f",
    ),
    _rsa(
        "e47cd42dae60632c65a3e24c9fa46ba98da31006d7ef02444a696d163177ad260718e3449cdd6edb6fb6e702"
        "b96a84a25abe2797a9d247f3c088eafa04ddacfaf477aa8e53fc2babc0eff58eda45e055a4094f08d7752ee0"
        "fc0d2b4a0bea919fa74a56050c48d21810cce870b379cd9dec19fac45a96d4ce84fe0d010bb15a23",
        "b646e8a6025ba013b5727c455dc80b36e9647797dd30e40a8245a955fb26d6d624e56378649545a5c34f2fa0"
        "c0ea3ed498e4275eac7760281468929f02022076cf39c1b8314dbf06914b6ca45f09c81ad6d80b2a531b2c76"
        "7fefc3064d299d61ca5b989a45446e39ea10a1dd0383a774572913f3a95857b1754d6a1192a732d1",
    ),
]
WEAK = _rsa(
    "fc55d6a53569d119f5b8e305f07dd90ca28e2d3f1798d2006199bc7acf9f1ef2f5abb167169c3f0c1d5bd211"
    "cbb0418c1b86550d701bd6d95cc96c695885b549",
    "ee2ef66355b6ae3b41ac9a43736fa4721e9273ae424c6e8364d48b77828ea628e38278407169bf86c71bb3a5"
    "57e12d993bad35c22a650617b8396a48d34e88fb",
)
EC = ec.generate_private_key(ec.SECP256R1())
