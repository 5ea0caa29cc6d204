"""The mutation that records an installation, and what it is given."""

RECORD = """
    mutation ($input: RecordInstallationInput!) {
        done: recordInstallation(input: $input) {
            row: installation { chittyId accountLogin } errors { code path message }
        }
    }
"""
INSTALLED = {
    "installationId": "42",
    "accountId": "7",
    "accountLogin": "octocat",
    "accountType": "USER",
    "repositorySelection": "ALL",
}
