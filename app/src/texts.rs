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
    not_understood = "Warmline's answer was not understood.";

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
    call_strained = "This machine's speech does not keep up: people are understood, or hear the agent, late.";
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

    history_history = "History";
    history_intro = "What happened in every call, and why it ended.";
    history_filter = "Filter the calls";
    history_search = "Search";
    history_search_hint = "What was said, a name, a number";
    history_reason = "Ended because";
    history_phase = "Phase";
    history_any = "any";
    history_since = "From day (UTC)";
    history_until = "Through day (UTC)";
    history_clear = "Clear filters";
    history_export = "Export what fits:";
    history_export_csv = "CSV";
    history_export_json = "JSON";
    history_caption = "Calls, newest first";
    history_column_placed = "Placed";
    history_column_customer = "Customer";
    history_column_outcome = "What came of it";
    history_column_talk = "Talk";
    history_column_hold = "Hold";
    history_column_human = "To human";
    history_column_attempts = "Transfers";
    history_escalated = "Escalated";
    history_nothing = "–";
    history_loading = "Looking …";
    history_none_found = "No calls";
    history_one_found = "One call";
    history_calls_found = "calls";
    history_more_follow = "older ones follow";
    history_pages = "Pages of calls";
    history_older = "Older calls";
    history_newest = "Newest";
    history_empty = "No calls yet";
    history_empty_hint = "Every call that is placed stays here, with what was said and how it ended.";
    history_place = "Place a call";
    history_none_fit = "No call fits";
    history_none_fit_hint = "Try fewer words, other dates or another reason.";

    setup_setup = "Set-up";
    setup_intro = "Everything that a call needs, tried out just now.";
    setup_all_well = "Calls can be placed.";
    setup_one_fails = "One thing has to be mended.";
    setup_things_fail = "things have to be mended.";
    setup_one_remark = "One thing may not be as meant.";
    setup_remarks = "things may not be as meant.";
    setup_report = "The report";
    setup_again = "Check again";
    setup_checking = "Checking …";
    setup_checking_hint = "This takes up to ten seconds.";
    setup_sign_fine = "Fine";
    setup_sign_warning = "Warning";
    setup_sign_failed = "Failed";
    setup_sign_skipped = "Not needed";
    setup_tried = "Tried:";
    setup_cause = "Cause";
    setup_fix = "Fix";
    setup_copy = "Copy";
    setup_copy_fix = "Copy the fix";
    setup_copied = "Copied";
    setup_not_copied = "Could not be copied";
    setup_browser = "This browser";
    setup_browser_hint = "What only you can try: each test asks for leave where the browser wants it.";
    setup_microphone = "Microphone";
    setup_microphone_hint = "To speak with a customer from this page.";
    setup_microphone_works = "The microphone works.";
    setup_sound = "Sound";
    setup_sound_hint = "To hear an escalation ring, and to listen in.";
    setup_sound_works = "A chime was played. If you heard nothing, turn the volume up or choose another output.";
    setup_notifications = "Notifications";
    setup_notifications_hint = "To be told of an escalation while another window is in front.";
    setup_notifications_work = "A notification was shown. If you saw none, look for a 'do not disturb' mode of your system.";
    setup_test = "Test";
    setup_testing = "Testing …";

    form_place_a_call = "Place a call";
    form_intro = "The agent talks first. Whoever asks for a person is handed over to your supervisor.";
    form_name = "Name";
    form_name_example = "Ada Lovelace";
    form_instruction = "What the call is about";
    form_instruction_example = "Follow up on the ticket about the log-in. Ask whether it works now.";
    form_language = "Language";
    form_voice = "Voice";
    form_call = "Call";
    form_calling = "Calling …";
    form_optional = "optional";
    form_phone = "Phone number";
    form_phone_example = "+1 555 010 0001";
    form_will_dial = "will dial";
    form_wrong_phone = "Can't be dialled. Example: +1 555 010 0001";
    form_no_phone = "With country code: +1 555 010 0001";
    form_unfinished_phone = "Starts with + and the country code";
    form_name_too_long = "The name is too long: 200 characters at most.";
    form_instruction_too_long = "The instruction is too long: 4000 characters at most.";
    form_wrong_language = "Warmline does not speak that language.";
    form_too_many = "As many calls as possible are already open. Try again in a moment.";
    form_not_ready = "No call can be placed now: see what is missing below.";
    form_failed = "Nobody could be dialled. The call's page says why.";
    form_unreadable = "The form could not be read. Fill it in again.";
    form_ready_exchange = "Ready: calls are placed on the embedded exchange.";
    form_ready_livekit = "Ready: calls are placed over LiveKit.";
    form_escalation_fails = "Escalation will fail if requested.";
    form_supervisor = "Supervisor";
    form_copy_curl = "Copy as curl";
    form_copy_curl_hint = "Copy this call as a command for a terminal";

    form_recent = "Recent numbers";

    form_saved = "Saved instructions";
    form_none_saved = "None yet. What you save stays in this browser.";
    form_save = "Save this one";
    form_insert = "Insert";
    form_delete = "Delete";
}
