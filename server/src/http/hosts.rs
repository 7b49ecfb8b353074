use std::net::IpAddr;

use axum::http::{HeaderMap, header};

/// The names by which the program may be asked for.
///
/// A page of another site can have its own name point to this machine and would then count as one of ours. Such a
/// request carries that name.
#[derive(Clone, Debug, Default)]
pub enum Hosts {
    /// Any: it listens to other machines, by names that it doesn't know.
    #[default]
    Any,
    /// Names of this machine to itself, and these.
    Only(Vec<String>),
}

impl Hosts {
    /// Those of a program that listens there, where names are listed (`WARMLINE_HOSTS`).
    #[must_use]
    pub fn of(listens: IpAddr, listed: &[String]) -> Self {
        if listed.is_empty() && !listens.is_loopback() { Self::Any } else { Self::Only(listed.to_vec()) }
    }

    /// The name that a request asks for, where it is none of ours.
    pub(super) fn stranger<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let Self::Only(listed) = self else { return None };
        let host = headers.get(header::HOST)?.to_str().unwrap_or("?");
        let name = without_port(host);
        let local = name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
            || name.eq_ignore_ascii_case("localhost")
            || name.to_ascii_lowercase().ends_with(".localhost");
        let ours = local || listed.iter().any(|listed| listed.eq_ignore_ascii_case(name));
        (!ours).then_some(name)
    }
}

fn without_port(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((ipv6, _)) => ipv6,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn stranger(hosts: &Hosts, host: &'static str) -> bool {
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
        hosts.stranger(&headers).is_some()
    }

    #[test]
    fn on_loopback_only_this_machine_and_listed_names_are_asked_for() {
        let hosts = Hosts::of([127, 0, 0, 1].into(), &["calls.example".into()]);
        for ours in ["127.0.0.1:8000", "localhost", "[::1]:8000", "127.1.2.3", "warm.localhost:80", "Calls.example:443"]
        {
            assert!(!stranger(&hosts, ours), "{ours}");
        }
        for other in ["evil.example:8000", "localhost.evil.example", "10.0.0.1", "", "[::2]", "127.0.0.1.evil.example"]
        {
            assert!(stranger(&hosts, other), "{other}");
        }
        assert!(Hosts::Only(vec![]).stranger(&HeaderMap::new()).is_none(), "no browser, no rebinding");
    }

    #[test]
    fn who_listens_to_other_machines_is_asked_for_by_any_name_unless_names_are_listed() {
        assert!(!stranger(&Hosts::of([0, 0, 0, 0].into(), &[]), "calls.example"));
        assert!(stranger(&Hosts::of([0, 0, 0, 0].into(), &["calls.example".into()]), "evil.example"));
    }
}
