"""What to do about installations that get no ChittyID."""

REFUSED_ADVICE = (
    "correct CHITTYGRAPH_CHITTYID_URL or CHITTYGRAPH_CHITTYID_TOKEN, or have the authority allow it, and"
    " restart the server; then run `chittygraph webhooks identify`, or record the installation with an id"
)
UNANSWERED_ADVICE = "see that the identity authority answers: servers go on asking it"
