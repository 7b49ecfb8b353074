//! What str0m does not tell of a session description: which source and which payload types belong to which section.

use std::collections::HashMap;

/// One media section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) mid: String,
    /// Payload types of the `m=` line, preferred first.
    pub(crate) payload_types: Vec<u8>,
    /// The sources that are announced.
    pub(crate) ssrcs: Vec<u32>,
}

/// The media sections of a session description. Lines that it does not understand are passed over.
pub(crate) fn sections(sdp: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in sdp.lines().map(str::trim_end) {
        if let Some(media) = line.strip_prefix("m=") {
            let payload_types = media.split(' ').skip(3).filter_map(|pt| pt.parse().ok()).collect();
            sections.push(Section { payload_types, ..Section::default() });
        }
        let Some(section) = sections.last_mut() else { continue };
        if let Some(mid) = line.strip_prefix("a=mid:") {
            section.mid = mid.to_owned();
        } else if let Some(source) = line.strip_prefix("a=ssrc:")
            && let Some(ssrc) = source.split(' ').next().and_then(|ssrc| ssrc.parse().ok())
            && !section.ssrcs.contains(&ssrc)
        {
            section.ssrcs.push(ssrc);
        }
    }
    sections
}

/// Which track each announced source carries, given which track each section carries.
pub(crate) fn tracks_by_ssrc(sections: &[Section], tracks: &HashMap<String, String>) -> HashMap<u32, String> {
    let of = |section: &Section| tracks.get(&section.mid).cloned();
    sections
        .iter()
        .filter_map(|s| Some((s, of(s)?)))
        .flat_map(|(s, track)| s.ssrcs.iter().map(move |&ssrc| (ssrc, track.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\na=mid:1\r\na=recvonly\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:2\r\na=ssrc:77 cname:x\r\na=ssrc:77 msid:a b\r\na=ssrc:junk\r\n";

    #[test]
    fn sections_know_their_sources_and_payload_types() {
        let sections = sections(ANSWER);
        let said: Vec<_> = sections.iter().map(|s| (s.mid.as_str(), &s.payload_types[..], &s.ssrcs[..])).collect();
        assert_eq!(said, [("0", &[][..], &[][..]), ("1", &[63, 111], &[]), ("2", &[111], &[77])]);
        let tracks = HashMap::from([("2".to_owned(), "TR_a".to_owned()), ("9".to_owned(), "TR_b".to_owned())]);
        assert_eq!(tracks_by_ssrc(&sections, &tracks), HashMap::from([(77, "TR_a".to_owned())]));
    }

    #[test]
    fn nonsense_has_no_sections() {
        assert!(sections("").is_empty());
        assert!(sections("a=mid:1\na=ssrc:5").is_empty());
        assert_eq!(sections("m=").len(), 1);
    }
}
