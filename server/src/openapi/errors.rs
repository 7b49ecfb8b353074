//! Which errors which routes answer with.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses, ToSchema,
    openapi::{
        Ref, RefOr,
        content::ContentBuilder,
        header::HeaderBuilder,
        response::{Response, ResponseBuilder},
        schema::{ObjectBuilder, Type},
    },
};

use crate::http::FieldError;

/// An error, in one sentence.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the shape of ApiError's body, for the document")]
#[schema(as = Error)]
pub(crate) struct Sentence {
    /// What is wrong.
    detail: String,
}

/// A request that does not validate.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the shape of ApiError's body, for the document")]
#[schema(as = ValidationError)]
pub(crate) struct Invalid {
    /// Each mistake.
    detail: Vec<FieldError>,
}

/// Declares sets of error answers.
macro_rules! sets {
    ($($(#[$doc:meta])* $name:ident: $($status:literal)+;)+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$($status),+].into_iter().map(|status: u16| (status.to_string(), answer(status).into())).collect()
            }
        }
    )+};
}

sets! {
    /// What every route may answer.
    Any: 403 500 503;
    /// `/readyz`.
    NotReady: 403 500 503;
    /// The POSTs that start calls.
    Start: 400 403 408 409 413 422 429 500 503;
    /// Queries over calls.
    Query: 400 403 422 429 500 503;
    /// Queries about one call.
    OneCall: 400 403 404 422 429 500 503;
    /// Actions without a body.
    Act: 400 403 404 409 500 503;
    /// Actions with a body.
    ActWithBody: 400 403 404 408 409 413 422 500 503;
}

fn answer(status: u16) -> Response {
    let (description, schema) = match status {
        400 => ("The phone number's format is invalid, or the request can't be read.", "Error"),
        403 => ("The request comes from another site's page, or asks for a name that is not Warmline's.", "Error"),
        404 => ("There is no such call.", "Error"),
        408 => ("The body took too long to arrive.", "Error"),
        409 => ("Not possible now: the detail names the phase, and for a lost race who won.", "Error"),
        413 => ("The body is too large.", "Error"),
        422 => ("The request does not validate.", "ValidationError"),
        429 => ("Too many calls are open, or too many searches and exports are being made.", "Error"),
        503 => ("Not now: the detail says what is missing.", "Error"),
        _ => ("Something is wrong inside Warmline.", "Error"),
    };
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
    let response = ResponseBuilder::new().description(description).content("application/json", content);
    let response = match status {
        429 => {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
            response.header("Retry-After", HeaderBuilder::new().schema(seconds).description(Some("Seconds.")).build())
        }
        _ => response,
    };
    response.build()
}
