//! Bodies: read within bounds, checked field by field, and refused in FastAPI's words.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use warmline_api::{EscalateBody, OutboundRequest, ReasonBody, TextBody};

use super::{ApiError, AppState, FieldError};

/// A body that is an object of texts. Fields that are not listed are ignored, as FastAPI does.
pub(crate) trait Body: DeserializeOwned {
    const FIELDS: &'static [Field];
}

/// A text in a body. One that is not required may be missing or `null`.
pub(crate) struct Field {
    name: &'static str,
    required: bool,
    /// In characters.
    longest: usize,
}

const fn required(name: &'static str, longest: usize) -> Field {
    Field { name, required: true, longest }
}

const fn optional(name: &'static str, longest: usize) -> Field {
    Field { name, required: false, longest }
}

impl Body for OutboundRequest {
    const FIELDS: &'static [Field] = &[
        required("phone_number", 64),
        optional("name", 200),
        optional("dynamic_instruction", 4_000),
        optional("language", 35),
        optional("emotion", 64),
    ];
}

impl Body for EscalateBody {
    const FIELDS: &'static [Field] = &[optional("reason", 1_000)];
}

impl Body for ReasonBody {
    const FIELDS: &'static [Field] = &[optional("reason", 1_000)];
}

impl Body for TextBody {
    const FIELDS: &'static [Field] = &[required("text", 2_000)];
}

/// A JSON body that has been checked.
pub(crate) struct Checked<T>(pub(crate) T);

/// The same where no body at all, or `null`, counts as `{}`.
pub(crate) struct CheckedOrNone<T>(pub(crate) T);

impl<T: Body> FromRequest<AppState> for Checked<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let json = is_json(request.headers());
        let bytes = read(request, state).await?;
        if bytes.is_empty() {
            return Err(ApiError::invalid(vec![FieldError::new("missing", &["body"], "Field required", Value::Null)]));
        }
        check(&bytes, json).map(Self)
    }
}

impl<T: Body> FromRequest<AppState> for CheckedOrNone<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let json = is_json(request.headers());
        let bytes = read(request, state).await?;
        match bytes.trim_ascii() {
            b"" => check(b"{}", true).map(Self),
            b"null" if json => check(b"{}", true).map(Self),
            _ => check(&bytes, json).map(Self),
        }
    }
}

/// The fields of a form, within the same bounds.
///
/// # Errors
/// It is none, is too large, or took too long.
pub(crate) async fn form<T: DeserializeOwned>(request: Request, state: &AppState) -> Result<T, ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(ApiError::unsupported("Send the form with 'Content-Type: application/x-www-form-urlencoded'."));
    }
    let bytes = read(request, state).await?;
    serde_urlencoded::from_bytes(&bytes)
        .map_err(|error| ApiError::bad_request(format!("The form could not be read: {error}.")))
}

/// A request that was put together here, checked like one that was sent.
///
/// # Errors
/// A text is too long.
pub(crate) fn checked<T: Body + serde::Serialize>(body: &T) -> Result<(), ApiError> {
    let Ok(Value::Object(object)) = serde_json::to_value(body) else { return Err(ApiError::internal()) };
    let errors: Vec<_> = T::FIELDS.iter().filter_map(|field| field.fault(&object)).collect();
    if errors.is_empty() { Ok(()) } else { Err(ApiError::invalid(errors)) }
}

async fn read(request: Request, state: &AppState) -> Result<Bytes, ApiError> {
    let reading = Bytes::from_request(request, state);
    let read = tokio::time::timeout(state.limits.body_time, reading).await.map_err(|_| ApiError::slow_body())?;
    read.map_err(|rejection| match rejection.into_response().status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large(state.limits.body),
        _ => ApiError::bad_request("The request's body could not be read."),
    })
}

/// Whether the body is said to be JSON. A request that says nothing is taken at its word, as FastAPI does.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(header::CONTENT_TYPE) else { return true };
    let essence = content_type.to_str().ok().and_then(|text| text.split(';').next()).unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn check<T: Body>(bytes: &[u8], json: bool) -> Result<T, ApiError> {
    if !json {
        let msg = "Input should be JSON: send it with 'Content-Type: application/json'";
        return Err(ApiError::invalid(vec![FieldError::new("content_type", &["body"], msg, Value::Null)]));
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|error| malformed(bytes, &error))?;
    let Value::Object(mut object) = value else {
        let msg = "Input should be a valid dictionary or object to extract fields from";
        return Err(ApiError::invalid(vec![FieldError::new("model_attributes_type", &["body"], msg, value)]));
    };
    let errors: Vec<_> = T::FIELDS.iter().filter_map(|field| field.fault(&object)).collect();
    if !errors.is_empty() {
        return Err(ApiError::invalid(errors));
    }
    object.retain(|name, _| T::FIELDS.iter().any(|field| field.name == name));
    serde_json::from_value(Value::Object(object)).map_err(|_| {
        let msg = "Input should be a valid dictionary";
        ApiError::invalid(vec![FieldError::new("model_type", &["body"], msg, Value::Null)])
    })
}

/// Malformed JSON; `loc` ends with the byte it was noticed at, as in FastAPI.
fn malformed(bytes: &[u8], error: &serde_json::Error) -> ApiError {
    let before: usize =
        bytes.split_inclusive(|b| *b == b'\n').take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    let at = before + error.column().saturating_sub(1);
    let mut fault = FieldError::new("json_invalid", &["body"], "JSON decode error", Value::Object(Map::new()));
    fault.loc.push(at.into());
    ApiError::invalid(vec![fault])
}

impl Field {
    fn fault(&self, object: &Map<String, Value>) -> Option<FieldError> {
        let loc = &["body", self.name];
        match object.get(self.name) {
            None if self.required => Some(FieldError::new("missing", loc, "Field required", object.clone())),
            None => None,
            Some(Value::Null) if !self.required => None,
            Some(Value::String(text)) => {
                let (least, most) = (usize::from(self.required), self.longest);
                match text.chars().count() {
                    n if n > most => {
                        let msg = format!("String should have at most {most} characters");
                        Some(FieldError::new("string_too_long", loc, msg, text.as_str()))
                    }
                    n if n < least && self.name != "phone_number" => {
                        let msg = "String should have at least 1 character";
                        Some(FieldError::new("string_too_short", loc, msg, text.as_str()))
                    }
                    _ => None,
                }
            }
            Some(other) => Some(FieldError::new("string_type", loc, "Input should be a valid string", other.clone())),
        }
    }
}
