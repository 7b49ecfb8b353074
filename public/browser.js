// What pages ask of the browser that is shorter said in its own language: sound, notifications, the clipboard, times.

(() => {
  const LOCK = 'warmline.alarm';
  const EVERY = 2400;
  let context;
  let ringing = false;
  let release = null;
  let timer = null;

  /** Two soft notes, rising. */
  function chime(audio) {
    for (const [at, pitch] of [[0, 587.33], [0.18, 783.99]]) {
      const tone = audio.createOscillator();
      const gain = audio.createGain();
      const from = audio.currentTime + at;
      tone.type = 'sine';
      tone.frequency.value = pitch;
      gain.gain.setValueAtTime(0, from);
      gain.gain.linearRampToValueAtTime(0.25, from + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.001, from + 0.5);
      tone.connect(gain).connect(audio.destination);
      tone.start(from);
      tone.stop(from + 0.55);
    }
  }

  function sound() {
    context ??= new AudioContext();
    return context;
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    release?.();
    release = null;
  }

  /** Rings until told otherwise, in one tab: the others wait for the lock. */
  function ring(on) {
    if (on === ringing) return;
    ringing = on;
    if (!on) return stop();
    const begin = () =>
      new Promise((resolve) => {
        if (!ringing) return resolve();
        release = resolve;
        chime(sound());
        timer = setInterval(() => chime(sound()), EVERY);
      });
    if (navigator.locks) navigator.locks.request(LOCK, begin);
    else begin();
  }

  /** Whether the browser lets the page sound only after a click. */
  function soundIsBlocked() {
    return ringing && timer !== null && sound().state !== 'running';
  }

  async function testSound() {
    const audio = sound();
    await audio.resume();
    if (audio.state !== 'running') throw new Error('The browser keeps this page silent. Allow sound for it in the site settings.');
    chime(audio);
  }

  function notify(title, body, url) {
    if (!('Notification' in globalThis) || Notification.permission !== 'granted') return;
    const shown = new Notification(title, { body, tag: url, icon: '/favicon.svg', requireInteraction: true });
    shown.onclick = () => {
      focus();
      location.assign(url);
      shown.close();
    };
  }

  function notifications() {
    return 'Notification' in globalThis ? Notification.permission : 'unsupported';
  }

  async function testNotification() {
    if (!('Notification' in globalThis)) throw new Error('This browser has no notifications.');
    const answer = await Notification.requestPermission();
    if (answer !== 'granted') throw new Error('Notifications are off for this page. Allow them in the site settings.');
    new Notification('Warmline', { body: 'Notifications work.', icon: '/favicon.svg' });
  }

  async function testMicrophone() {
    if (!navigator.mediaDevices) throw new Error('No microphone here: the page has to be opened over https, or on this machine.');
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true }).catch((error) => {
      const why = {
        NotAllowedError: 'The microphone is not allowed for this page. Allow it in the site settings.',
        NotFoundError: 'No microphone was found. Plug one in.',
        NotReadableError: 'Another program holds the microphone.',
      };
      throw new Error(why[error.name] ?? error.message);
    });
    for (const track of stream.getTracks()) track.stop();
  }

  const copy = (text) => navigator.clipboard.writeText(text);

  const format = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  const localTime = (millis) => format.format(new Date(millis));

  /** A dot on the page's icon while somebody waits. */
  function badge(on) {
    const icon = document.querySelector('link[rel=icon]');
    const href = on ? '/favicon-alert.svg' : '/favicon.svg';
    if (icon && icon.getAttribute('href') !== href) icon.setAttribute('href', href);
  }

  /** Tells of each address that a link of ours or the browser's buttons lead to. True: it is shown, and the page stays. */
  function followAddress(then) {
    addEventListener('popstate', () => then(location.pathname + location.search));
    addEventListener('click', (event) => {
      const link = event.target instanceof Element && event.target.closest('a[href]');
      const asked = event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
      if (!link || asked || event.defaultPrevented || link.origin !== location.origin) return;
      if (link.target || link.relList.contains('external') || link.hasAttribute('download')) return;
      // Within this page the browser finds the place by itself.
      if (link.hash && link.pathname === location.pathname && link.search === location.search) return;
      const address = link.pathname + link.search;
      if (!then(address)) return;
      event.preventDefault();
      setAddress(address, link.href === location.href);
    });
  }

  /** Another page begins at its top. */
  function setAddress(address, replace) {
    const before = location.pathname;
    history[replace ? 'replaceState' : 'pushState'](null, '', address);
    if (location.pathname !== before) scrollTo(0, 0);
  }

  globalThis.warmline = {
    ring, soundIsBlocked, testSound, notify, notifications, testNotification, testMicrophone, copy, localTime, badge,
    followAddress, setAddress,
  };
})();
