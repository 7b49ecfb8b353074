use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    calls::{ActError, PlaceError},
    store::StoreError,
};

/// Every error of the REST API, in FastAPI's shape: `{"detail": …}`.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    detail: Detail,
    retry_after_s: Option<u32>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Detail {
    Sentence(String),
    Fields(Vec<FieldError>),
}

/// What is wrong with one part of a request.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FieldError {
    /// What kind of mistake.
    pub r#type: &'static str,
    /// Where: `body`, `query` or `header`, then the field.
    #[schema(value_type = Vec<Value>)]
    pub loc: Vec<Value>,
    /// One sentence.
    pub msg: String,
    /// What was sent.
    #[schema(value_type = Value)]
    pub input: Value,
}

impl FieldError {
    /// A mistake at a place.
    pub fn new(r#type: &'static str, loc: &[&str], msg: impl Into<String>, input: impl Into<Value>) -> Self {
        let loc = loc.iter().map(|part| Value::from(*part)).collect();
        Self { r#type, loc, msg: msg.into(), input: input.into() }
    }
}

impl ApiError {
    fn sentence(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: Detail::Sentence(detail.into()), retry_after_s: None }
    }

    /// Any other status, with a library's sentence.
    pub(super) fn of(status: StatusCode, detail: &str) -> Self {
        Self::sentence(status, detail)
    }

    /// 400: the request makes no sense.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::sentence(StatusCode::BAD_REQUEST, detail)
    }

    /// 403: not from there.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::sentence(StatusCode::FORBIDDEN, detail)
    }

    /// 404: no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::sentence(StatusCode::NOT_FOUND, detail)
    }

    /// 405: not with that method.
    pub fn method_not_allowed() -> Self {
        Self::sentence(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
    }

    /// 408: the body took too long to arrive.
    pub fn slow_body() -> Self {
        Self::sentence(StatusCode::REQUEST_TIMEOUT, "The request's body took too long to arrive.")
    }

    /// 409: not possible now.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::sentence(StatusCode::CONFLICT, detail)
    }

    /// 413: too much.
    pub fn too_large(limit: usize) -> Self {
        Self::sentence(StatusCode::PAYLOAD_TOO_LARGE, format!("The request's body is larger than {limit} bytes."))
    }

    /// 415: not in that format.
    pub fn unsupported(detail: impl Into<String>) -> Self {
        Self::sentence(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    /// 422: it does not validate.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = Detail::Fields(errors);
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, detail, retry_after_s: None }
    }

    /// 426: a WebSocket was expected.
    pub fn upgrade_required() -> Self {
        Self::sentence(StatusCode::UPGRADE_REQUIRED, "This is a WebSocket: connect with ws:// or wss://.")
    }

    /// 429: too much at once.
    pub fn too_many(detail: impl Into<String>, retry_after_s: u32) -> Self {
        Self { retry_after_s: Some(retry_after_s), ..Self::sentence(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    /// 500: our mistake.
    pub fn internal() -> Self {
        Self::sentence(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    }

    /// 503: not now.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::sentence(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// 404: no such call.
    pub fn no_such_call(id: &str) -> Self {
        Self::not_found(format!("Call '{id}' not found"))
    }

    /// The names of the fields that don't validate.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        let errors = match &self.detail {
            Detail::Sentence(_) => &[][..],
            Detail::Fields(errors) => errors,
        };
        errors.iter().filter_map(|error| error.loc.last()?.as_str())
    }

    /// The error as a person reads it.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.detail {
            Detail::Sentence(detail) => detail.clone(),
            Detail::Fields(errors) => errors.iter().map(|e| e.msg.as_str()).collect::<Vec<_>>().join(" "),
        }
    }

    /// The status it answers with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body it answers with.
    #[must_use]
    pub fn body(&self) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            detail: &'a Detail,
        }
        serde_json::to_string(&Body { detail: &self.detail }).unwrap_or_else(|_| r#"{"detail":"error"}"#.into())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(cause, "{error}");
        Self::unavailable(error.to_string())
    }
}

impl From<PlaceError> for ApiError {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::Busy { retry_after_s } | PlaceError::Overloaded { retry_after_s } => {
                Self::too_many(error.to_string(), retry_after_s)
            }
            PlaceError::Language(ref language) => {
                let (msg, input) = (error.to_string(), language.as_str());
                Self::invalid(vec![FieldError::new("value_error", &["body", "language"], msg, input)])
            }
            PlaceError::Store(error) => error.into(),
            PlaceError::NotReady(_) | PlaceError::Failed(_) => Self::unavailable(error.to_string()),
        }
    }
}

impl From<ActError> for ApiError {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Unknown => Self::not_found("Call not found"),
            ActError::Rejected(rejected) => Self::conflict(rejected.detail),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut response = (self.status, [json], self.body()).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// 200 with JSON.
pub(super) fn ok<T: Serialize>(value: T) -> Response {
    Json(value).into_response()
}

/// 200 with what is JSON already.
pub(super) fn ok_json(body: impl Into<axum::body::Body>) -> Response {
    let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    ([json], body.into()).into_response()
}
