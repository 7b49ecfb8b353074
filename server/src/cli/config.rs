use super::{Exit, terminal::Terminal};
use crate::settings::{Origin, Settings};

/// Every setting with its origin; secrets and numbers are masked.
pub(super) fn show(settings: &Settings, terminal: &Terminal) -> Exit {
    if terminal.json {
        terminal.json(&serde_json::json!({
            "settings": settings.rows(),
            "env_file": settings.env_file,
            "problems": settings.problems,
        }));
        return Exit::Ok;
    }
    let name = settings.rows().iter().map(|r| r.name.len()).max().unwrap_or(0);
    let values: Vec<_> = settings.rows().iter().map(|r| shortened(r.value.as_deref().unwrap_or("–"))).collect();
    let value = values.iter().map(|v| v.chars().count()).max().unwrap_or(0);
    for (row, shown) in settings.rows().iter().zip(&values) {
        let code = if row.origin == Origin::Default { "2" } else { "36" };
        let origin = terminal.style.paint(code, &row.origin.to_string());
        terminal.say(&format!("{:name$}  {shown:value$}  {origin}", row.name));
    }
    for problem in &settings.problems {
        terminal.note(&problem.to_string());
    }
    Exit::Ok
}

fn shortened(text: &str) -> String {
    let text = crate::text::printable(text);
    if text.chars().count() <= 60 { text } else { text.chars().take(59).chain(['…']).collect() }
}
