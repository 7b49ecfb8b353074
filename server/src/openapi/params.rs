//! The parameters of the routes.

use utoipa::{
    IntoParams, PartialSchema,
    openapi::{
        KnownFormat, RefOr, Required, Schema, SchemaFormat,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
    },
};

use super::docs;

/// Declares sets of parameters.
macro_rules! sets {
    ($($(#[$doc:meta])* $name:ident: $($parameter:expr),+;)+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoParams for $name {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                vec![$($parameter),+]
            }
        }
    )+};
}

sets! {
    /// The POSTs that start calls.
    StartParams: idempotency_key();
    /// One call.
    CallParams: call_id();
    /// Actions.
    ActionParams: call_id(), operator();
    /// `GET /calls`.
    ListParams:
        query("phase", "Only calls in this phase.", docs::Phase::schema()),
        query("reason", "Only calls that ended so.", docs::EndReason::schema()),
        query("since", "Only calls placed then or later.", moment()),
        query("until", "Only calls placed before; a day counts whole.", moment()),
        query("q", "Only calls in which this is found, upper or lower case: id, number, name, what was said.",
            text().max_length(Some(200)).into()),
        query("cursor", "`next_cursor` of the page before.", text().pattern(Some("^c[0-9a-f]{1,15}$")).into()),
        query("limit", "Calls on a page; 50 unless told.", whole(1, 200));
    /// `GET /calls/export`.
    ExportParams:
        query("format", "`csv`, one line a call, or `json`; `csv` unless told.", text().enum_values(Some(["csv", "json"])).into()),
        query("phase", "Only calls in this phase.", docs::Phase::schema()),
        query("reason", "Only calls that ended so.", docs::EndReason::schema()),
        query("since", "Only calls placed then or later.", moment()),
        query("until", "Only calls placed before; a day counts whole.", moment()),
        query("q", "Only calls in which this is found, upper or lower case: id, number, name, what was said.",
            text().max_length(Some(200)).into());
    /// `GET /calls/{id}/events`.
    EventsParams:
        call_id(),
        query("after", "Only events after this seq.", whole(0, MAX_SAFE)),
        query("limit", "Events at most; 10,000 unless told.", whole(1, 10_000));
}

/// The largest whole number that JavaScript can hold.
const MAX_SAFE: u64 = (1 << 53) - 1;

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn moment() -> RefOr<Schema> {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).into()
}

#[allow(clippy::cast_precision_loss, reason = "the bounds are whole numbers that a float holds exactly")]
fn whole(least: u64, most: u64) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least as f64)).maximum(Some(most as f64)).into()
}

fn parameter(name: &str, at: ParameterIn, required: bool, description: &str, schema: RefOr<Schema>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(at)
        .required(if required { Required::True } else { Required::False })
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

fn query(name: &str, description: &str, schema: RefOr<Schema>) -> Parameter {
    parameter(name, ParameterIn::Query, false, description, schema)
}

fn call_id() -> Parameter {
    let schema = text().pattern(Some("^outbound-[0-9a-f]{12}$")).into();
    parameter("id", ParameterIn::Path, true, "The call's id.", schema)
}

fn operator() -> Parameter {
    parameter(
        "X-Operator",
        ParameterIn::Header,
        false,
        "Who acts, 1 to 64 ASCII characters; anything else counts as `api`.",
        text().into(),
    )
}

fn idempotency_key() -> Parameter {
    let description =
        "The same key and body get the first answer again; another body 422; 409 while the first is answered.";
    let schema = text().pattern(Some("^[!-~]{1,255}$")).into();
    parameter("Idempotency-Key", ParameterIn::Header, false, description, schema)
}
