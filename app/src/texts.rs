//! Every text of the pages that is not made of a call, in one place: another language is another [`Texts`].

/// Declares the texts and says them in English.
macro_rules! texts {
    ($($name:ident = $text:literal;)+) => {
        /// The pages' texts.
        pub(crate) struct Texts {
            $(pub(crate) $name: &'static str,)+
        }

        static ENGLISH: Texts = Texts { $($name: $text,)+ };
    };
}

/// The texts in the viewer's language.
pub(crate) fn t() -> &'static Texts {
    &ENGLISH
}

texts! {
    skip = "Skip to the content";
    nav_call = "Call";
    nav_console = "Console";
    nav_history = "History";
    nav_phone = "Phone";
    nav_setup = "Set-up";
    nav_api = "API";
    nav_pages = "Pages";
    save = "Save";
    cancel = "Cancel";
    close = "Close";
    copied = "Copied";
    copy = "Copy";

    me_unnamed = "Who are you?";
    me_title = "Your name";
    me_about = "Others see it next to what you do: what you claim, and that you listen.";
    me_label = "Name";

    keys_title = "Shortcuts";
    keys_about = "One key each, outside of text fields. Type another to change one.";
    keys_reset = "As they were";
    keys_help = "Show the shortcuts";
    keys_take_over = "Take over, give back";
    keys_nudge = "Nudge the agent";
    keys_next = "Next call";
    keys_previous = "Previous call";
    keys_search = "Search";

    sound_blocked = "The browser keeps this page silent until you click.";
    sound_allow = "Allow sound";
    notifications_off = "Notifications are off: nothing is shown while you look elsewhere.";
    notifications_allow = "Turn on";

    board_title = "Calls";
    board_none = "No calls yet";
    board_about = "Calls appear here the moment they are placed, and move by themselves. Whoever waits for a person stands on top.";
    board_none_fit = "No call fits.";
    show_all = "All";
    show_waiting = "Waiting for a person";
    show_open = "Open";
    show_ended = "Ended";
    console_title = "Console";
    console_find = "Name, number, words";
    console_pick = "Pick a call to see it live.";

    call_customer = "With the customer";
    call_customer_log = "Conversation with the customer";
    call_nothing_said = "Nobody has said anything yet.";
    call_consult = "With the supervisor";
    call_consult_log = "Private conversation with the supervisor";
    call_private = "Private: the customer does not hear this.";
    call_no_consult = "No supervisor has been called.";
    call_attempts = "Transfer attempts";
    call_unknown = "There is no such call";
    call_looking = "Looking for the call …";
    call_to_calls = "To the calls";
    call_steps = "Where the call is";
    call_degraded = "The connection that carries this call's sound is lost. It is being made again.";
    hang_up = "Hang up";
    escalate = "Bring in a supervisor";
    listen = "Listen";
    stop_listening = "Stop listening";
    take_over = "Take over";
    give_back = "Give back";
    claim = "Claim";
    release = "Release";
    accept = "Accept the call";
    decline = "Decline";
    voice_connecting = "Connecting …";
    voice_listening = "You hear the call. Nobody hears you.";
    voice_speaking = "You speak with the customer. The agent listens.";
    voice_mute = "The customer can't hear you: the microphone is not allowed, or there is none.";
    voice_silent = "The browser lets this page make no sound.";
    voice_refused = "Not possible now: somebody else may have been first.";

    brief_title = "Briefing";
    brief_making = "The briefing is being made …";
    brief_waiting = "The supervisor's phone is being called.";
    decline_reason = "Why you decline";
    decline_hint = "Why not (the customer hears it)";

    prompt_label = "To the agent";
    prompt_hint = "A hint to the agent, or what it should say";
    nudge = "Nudge";
    nudge_title = "Nobody on the call hears it";
    say = "Say";
    say_title = "The agent says it word for word";

    timeline = "Timeline";
    latency = "Response time by turn";
    latency_about = "From the end of the customer's words to the agent's first sound.";
    ids = "For a report";
    id_room = "Room";
    id_sip = "SIP call";
    id_participant = "Participant";
    bundle = "Download everything about this call";
    talk = "Talk";
    hold = "Hold";
    to_human = "Time to a human";
    likely = "Likely cause, and what to do";

    lost_title = "There is no such page";
    lost_about = "The address may have a typo, or what it named is gone.";
}
