//! The OpenAPI document, and the page that shows it.

pub(crate) mod docs;
pub(crate) mod errors;
mod params;

use axum::Router;
use utoipa::OpenApi;
use utoipa_swagger_ui::SwaggerUi;

use crate::http::{calls, health};

pub(crate) use self::params::{ActionParams, CallParams, EventsParams, ExportParams, ListParams, StartParams};

/// The whole REST API.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Warmline",
        description = "Places AI phone calls and hands them over, warm, to a human supervisor.\n\n\
            Errors have one shape: `{\"detail\": \"<sentence>\"}`, and `{\"detail\": [{\"type\", \"loc\", \"msg\", \"input\"}]}` \
            for a request that does not validate. Every answer carries `X-Request-Id`; a sane one in the request is kept. \
            Fields and parameters that are not listed are ignored.\n\n\
            WebSockets: `/ws/console?after=SEQ` (snapshot, then events, as JSON texts), `/ws/listen/{id}?as=NAME` (what is said on a \
            call: 20 ms of PCM a message, signed 16 bit little endian, mono, 16 kHz, 640 bytes), \
            `/ws/take-over/{id}?as=NAME` (speaks with the customer in the agent's place while it is open: the same frames both \
            ways) and `/ws/phone?number=+…` \
            (a phone of the embedded exchange: the same frames both ways, and `answer`, `decline`, `hangup`, `dtmf`).",
    ),
    paths(
        calls::outbound::with_escalation,
        calls::outbound::standard,
        calls::list::list,
        calls::show::show,
        calls::events::events,
        calls::export::export,
        calls::export::bundle,
        calls::actions::hangup,
        calls::actions::escalate,
        calls::actions::accept,
        calls::actions::decline,
        calls::actions::say,
        calls::actions::instruct,
        calls::actions::claim,
        calls::actions::release,
        calls::actions::give_back,
        health::healthz,
        health::readyz,
        health::doctor,
        health::metrics,
    ),
    components(schemas(errors::Sentence, errors::Invalid, docs::ConsoleMessage, docs::PhoneMessage, docs::PhoneOrder)),
    tags(
        (name = "calls", description = "Start, list and show calls."),
        (name = "actions", description = "What people do to calls."),
        (name = "operations", description = "Health and counts."),
    ),
)]
struct Api;

/// The document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

/// `/openapi.json` and `/docs`.
pub(crate) fn routes() -> Router {
    SwaggerUi::new("/docs").url("/openapi.json", document()).into()
}
