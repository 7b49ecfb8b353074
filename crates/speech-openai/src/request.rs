use serde::Deserialize;
use serde_json::{Value, json};
use warmline_voice::{Prompt, Role};

/// An answer on the phone is short.
const MOST_TOKENS: u32 = 300;

/// The body of a request. No sampling options: not every model takes them.
pub(crate) fn body(model: &str, prompt: &Prompt) -> Value {
    let mut messages = vec![json!({"role": "system", "content": prompt.system})];
    messages.extend(prompt.turns.iter().map(|turn| match turn.role {
        Role::Agent => json!({"role": "assistant", "content": turn.text}),
        Role::Person => json!({"role": "user", "content": turn.text}),
        Role::Colleague => {
            json!({"role": "system", "content": format!("[A human colleague said to the customer: {}]", turn.text)})
        }
        Role::Note => json!({"role": "system", "content": format!("[{}]", turn.text)}),
    }));
    let mut body = json!({"model": model, "messages": messages, "stream": true});
    body[limit_name(model)] = json!(MOST_TOKENS);
    if prompt.tools {
        body["tools"] = tools();
    }
    body
}

/// OpenAI's reasoning models (o…, gpt-5…) refuse `max_tokens`, and many other endpoints know nothing else.
fn limit_name(model: &str) -> &'static str {
    let reasons = model.starts_with("gpt-5")
        || model.strip_prefix('o').is_some_and(|m| m.starts_with(|c: char| c.is_ascii_digit()));
    if reasons { "max_completion_tokens" } else { "max_tokens" }
}

fn tools() -> Value {
    json!([
        {"type": "function", "function": {
            "name": "escalate",
            "description": "Connects the person with a human supervisor.",
            "parameters": {
                "type": "object",
                "properties": {"reason": {"type": "string", "description": "Why, in one plain sentence."}},
                "required": ["reason"],
                "additionalProperties": false
            }
        }},
        {"type": "function", "function": {
            "name": "end_call",
            "description": "Hangs up, after the goodbye.",
            "parameters": {"type": "object", "properties": {}, "additionalProperties": false}
        }}
    ])
}

/// The names in an answer to `GET /models`; none where it has another shape.
pub(crate) fn model_ids(body: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Models {
        data: Vec<Model>,
    }
    #[derive(Deserialize)]
    struct Model {
        id: String,
    }
    serde_json::from_slice::<Models>(body).map(|m| m.data.into_iter().map(|m| m.id).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use warmline_voice::Turn;

    #[test]
    fn a_prompt_becomes_messages_and_two_tools() {
        let turn = |role, text: &str| Turn { role, text: text.to_owned() };
        let turns = vec![turn(Role::Agent, "Hello."), turn(Role::Person, "Hi."), turn(Role::Note, "Be brief.")];
        let body = body("m", &Prompt { system: "Be kind.".to_owned(), turns, tools: true });
        assert_eq!(
            body["messages"],
            json!([
                {"role": "system", "content": "Be kind."},
                {"role": "assistant", "content": "Hello."},
                {"role": "user", "content": "Hi."},
                {"role": "system", "content": "[Be brief.]"},
            ])
        );
        let names: Vec<_> = body["tools"].as_array().unwrap().iter().map(|t| &t["function"]["name"]).collect();
        assert_eq!(names, ["escalate", "end_call"]);
        assert_eq!((&body["stream"], &body["model"], &body["max_tokens"]), (&json!(true), &json!("m"), &json!(300)));
    }

    #[test]
    fn without_tools_none_are_named_and_reasoning_models_get_their_own_limit() {
        let body = body("o3-mini", &Prompt::default());
        assert!(body.get("tools").is_none() && body.get("max_tokens").is_none());
        assert_eq!(body["max_completion_tokens"], 300);
    }
}
