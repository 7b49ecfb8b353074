use crate::{
    Role, Turn,
    brain::offers_human,
    intent, lines,
    rules::{ANYTHING_ELSE, NOT_UNDERSTOOD, WHAT_NOTE, second_person},
};

/// What the turns tell.
pub(crate) struct Talk<'a> {
    turns: &'a [Turn],
    /// What the person said since the agent last spoke.
    pub(crate) heard: String,
    /// Everything before that.
    before: &'a [Turn],
}

impl<'a> Talk<'a> {
    pub(crate) fn of(turns: &'a [Turn]) -> Self {
        let begins = turns.iter().rposition(|t| t.role == Role::Agent).map_or(0, |at| at + 1);
        let heard = turns[begins..].iter().filter(|t| t.role == Role::Person).map(|t| t.text.trim());
        Self { turns, heard: heard.collect::<Vec<_>>().join(" "), before: &turns[..begins] }
    }

    pub(super) fn last_said(&self) -> &'a str {
        self.before.iter().rev().find(|t| t.role == Role::Agent).map_or("", |t| t.text.as_str())
    }

    fn agent(&self) -> impl Iterator<Item = &'a str> {
        self.turns.iter().filter(|t| t.role == Role::Agent).map(|t| t.text.as_str())
    }

    /// How many answers of the person's there were, this one included.
    pub(super) fn answers(&self) -> usize {
        self.turns.iter().filter(|t| t.role == Role::Person).count()
    }

    /// Whether a human was offered just now.
    pub(crate) fn was_offered(&self) -> bool {
        offers_human(self.last_said())
    }

    /// Whether the person has just refused the human that was offered.
    pub(crate) fn refused_human(&self) -> bool {
        self.was_offered() && intent::yes_or_no(&self.heard) == Some(false)
    }

    /// What the customer wants a human for, who only said yes to the offer: what they said before it.
    pub(crate) fn reason_of_yes(&self) -> String {
        let told =
            self.before.iter().rev().filter(|t| t.role == Role::Person).find(|t| t.text.split_whitespace().count() > 3);
        told.map_or_else(
            || "The customer said yes to the offer of a human.".to_owned(),
            |t| format!("The customer said yes to the offer of a human, after: “{}”", lines::shortened(&t.text, 160)),
        )
    }

    pub(super) fn last_asked(&self, question: &str) -> bool {
        self.last_said().contains(question)
    }

    pub(super) fn asked_if_more(&self) -> bool {
        ANYTHING_ELSE.iter().any(|q| self.last_asked(q))
    }

    pub(super) fn asked_for_note(&self) -> bool {
        self.last_asked(WHAT_NOTE)
    }

    pub(super) fn just_said(&self, sentence: &str) -> bool {
        self.last_said().contains(sentence)
    }

    pub(super) fn ever_said(&self, sentence: &str) -> bool {
        self.agent().any(|said| said.contains(sentence))
    }

    /// The wording that was used least, of those not used just now.
    pub(super) fn fresh(&self, wordings: &[&'static str]) -> &'static str {
        let used = |w: &&str| (self.just_said(w), self.agent().filter(|said| said.contains(*w)).count());
        wordings.iter().copied().min_by_key(used).unwrap_or_default()
    }

    /// How many answers in a row were not understood.
    pub(super) fn not_understood(&self) -> usize {
        let said: Vec<&str> = self.agent().collect();
        said.iter().rev().take_while(|said| NOT_UNDERSTOOD.iter().any(|n| said.contains(n))).count()
    }

    /// 'Hello', 'speaking', 'how are you?': neither question nor statement, and hardly a word besides.
    pub(super) fn is_courtesy(&self) -> bool {
        const COURTESIES: &[&str] = &[
            " good afternoon ",
            " good evening ",
            " good morning ",
            " how are you ",
            " how s it going ",
            " this is ",
            " speaking ",
            " hello ",
            " hey ",
            " hi ",
        ];
        let words = self.heard.to_lowercase().replace(|c: char| !c.is_alphanumeric(), " ");
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let heard = format!(" {words} ");
        let rest = COURTESIES.iter().fold(heard.clone(), |rest, courtesy| rest.replace(courtesy, " "));
        rest != heard && rest.split_whitespace().count() <= 2
    }

    /// 'I understand', and what, in the person's own words.
    pub(super) fn understanding(&self) -> String {
        let told =
            self.heard.split_inclusive(['.', '!', '?', ',', ';']).map(str::trim).find(|part| intent::has_problem(part));
        match told.map(|t| t.trim_end_matches(['.', '!', ',', ';'])) {
            Some(t) if (3..=14).contains(&t.split_whitespace().count()) && starts_with_subject(t) => {
                format!("I understand, {}.", second_person(t))
            }
            _ => "I understand.".to_owned(),
        }
    }
}

fn starts_with_subject(text: &str) -> bool {
    const SUBJECTS: &[&str] =
        &["i", "i'm", "i've", "my", "we", "we've", "our", "it", "it's", "the", "there's", "there", "they"];
    text.split_whitespace().next().is_some_and(|w| SUBJECTS.contains(&w.to_lowercase().as_str()))
}
