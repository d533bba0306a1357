//! Every way a call can fail, and what it means. Decided by codes and kinds, never by prose.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::table::{Passing, TableError};

/// What a failed call means.
pub(super) fn classify<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> TableError {
    match error {
        SdkError::ServiceError(context) => {
            of_code(context.err().code().unwrap_or_default(), context.raw().status().as_u16())
        }
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => TableError::Passing(Passing::Unanswered),
        SdkError::DispatchFailure(failure) if failure.is_user() => misconfigured(),
        SdkError::DispatchFailure(_) => TableError::Passing(Passing::Unanswered),
        SdkError::ConstructionFailure(_) => misconfigured(),
        // The enum is open; what is added later is not known to be harmless.
        _ => TableError::Passing(Passing::Unanswered),
    }
}

/// What an answer with this error code, or at least this HTTP status, means.
pub(super) fn of_code(code: &str, status: u16) -> TableError {
    let refused = |what, advice| TableError::Refused { code: code.to_owned(), what, advice };
    match code {
        "ProvisionedThroughputExceededException"
        | "ThrottlingException"
        | "Throttling"
        | "ThrottlingError"
        | "ProvisionedThroughputExceeded"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "LimitExceededException" => TableError::Passing(Passing::Throttled),
        "TransactionConflictException"
        | "TransactionConflict"
        | "TransactionInProgressException"
        | "ReplicatedWriteConflictException" => TableError::Passing(Passing::Conflict),
        "InternalServerError" | "InternalFailure" | "ServiceUnavailable" | "ServiceUnavailableException" => {
            TableError::Passing(Passing::Server)
        }
        "ResourceNotFoundException" | "TableNotFoundException" | "IndexNotFoundException" => refused(
            "the table or one of its indexes is not there",
            "check ledger.table and the region, and create the table as docs/dynamodb.md describes it",
        ),
        "ResourceInUseException" | "TableInUseException" => {
            refused("the table is being changed", "wait until it is active again")
        }
        "AccessDeniedException" | "AccessDenied" | "NotAuthorized" => refused(
            "these credentials may not do this with the table",
            "give the role the permissions that docs/dynamodb.md names, on the table and its indexes",
        ),
        "KMSAccessDeniedException" | "KMSDisabledException" | "KMSInvalidStateException" => {
            refused("the key that encrypts the table cannot be used", "enable it, and let the role use it")
        }
        "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" => refused(
            "the credentials have expired",
            "see to it that they are renewed, and that this machine's clock is right",
        ),
        "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignatureException"
        | "MissingAuthenticationTokenException"
        | "MissingAuthenticationToken"
        | "InvalidClientTokenId" => refused(
            "the credentials are not accepted",
            "check which ones are used, for which region, and this machine's clock",
        ),
        "ItemCollectionSizeLimitExceededException" | "ItemCollectionSizeLimitExceeded" => refused(
            "too much under one key",
            "the table has a local index it should not have; create it as docs/dynamodb.md describes it",
        ),
        "IdempotentParameterMismatchException" => {
            refused("another transaction has this token", "nothing was written; ask again")
        }
        "ValidationException" | "ValidationError" | "SerializationException" => refused(
            "the table does not take what it was given",
            "compare its keys and indexes with docs/dynamodb.md; an item may have at most 400 KB",
        ),
        _ if status == 429 => TableError::Passing(Passing::Throttled),
        _ if status >= 500 => TableError::Passing(Passing::Server),
        _ => refused("the service refuses the request", "look the code up in the DynamoDB API reference"),
    }
}

fn misconfigured() -> TableError {
    TableError::Refused {
        code: "request not made".to_owned(),
        what: "the request could not be made",
        advice: "check region, endpoint and credentials of the configuration",
    }
}
