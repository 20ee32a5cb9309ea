"""What schemathesis may expect of the door of GraphQL: any error it tells has a code of ours, and none is our failure.

Its own check takes every error of a field, also that of a name which nobody has, for a failure of the server.
"""

import schemathesis


@schemathesis.check
def coded_errors(ctx, response, case):
    assert response.status_code in (200, 400), response.status_code
    body = response.json()
    assert "data" in body or "errors" in body, body
    for error in body.get("errors", []):
        code = error["extensions"]["code"]
        assert code not in ("INTERNAL", None), error
        assert error["extensions"]["request_id"], error
