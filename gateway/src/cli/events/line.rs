//! One event as one line: JSON, or `ArcSight`'s Common Event Format (CEF, version 0), which collectors
//! of security events read.

use std::fmt::Write as _;

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::audit::Act;

/// Form of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LineFormat {
    /// One JSON object a line.
    Ndjson,
    /// `ArcSight` Common Event Format, version 0.
    Cef,
}

/// An act with its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event<'a> {
    pub(super) log: &'a str,
    pub(super) index: u64,
    pub(super) act: &'a Act,
}

impl Event<'_> {
    /// The line without its end.
    pub(super) fn line(&self, format: LineFormat) -> String {
        match format {
            LineFormat::Ndjson => self.json(),
            LineFormat::Cef => self.cef(),
        }
    }

    fn place(&self) -> String {
        format!("{}/{}", self.log, self.index)
    }

    fn json(&self) -> String {
        let Act { at, request_id, by, act, target, detail } = self.act;
        let mut line = json!({
            "place": self.place(),
            "log": self.log,
            "index": self.index,
            "time": at.to_string(),
            "request_id": request_id.to_string(),
            "event": act.as_str(),
            "by": by.as_str(),
            "target": target.as_str(),
        });
        if let Some(detail) = detail {
            line["detail"] = json!(detail.as_str());
            // What the gateway itself tells has numbers in it.
            let data = serde_json::from_str(detail.as_str()).ok().filter(Value::is_object);
            if let Some(data) = data {
                line["data"] = data;
            }
        }
        line.to_string()
    }

    fn cef(&self) -> String {
        let Act { at, request_id, by, act, target, detail } = self.act;
        let (version, name) = (env!("CARGO_PKG_VERSION"), act.as_str().replace('-', " "));
        let (code, severity) = (head(act.as_str()), severity(act.as_str()));
        let mut line = format!(
            "CEF:0|Project 06|population-verification-gateway|{version}|{code}|{}|{severity}|",
            head(&name)
        );
        let place = self.place();
        let (time, request_id) = ((at.0 / 1_000).to_string(), request_id.to_string());
        let mut extension = vec![
            ("rt", time.as_str()),
            ("externalId", place.as_str()),
            ("suser", by.as_str()),
            ("cs1Label", "target"),
            ("cs1", target.as_str()),
            ("cs2Label", "requestId"),
            ("cs2", request_id.as_str()),
        ];
        extension.extend(detail.as_ref().map(|detail| ("msg", detail.as_str())));
        for (position, (key, value)) in extension.into_iter().enumerate() {
            let space = if position == 0 { "" } else { " " };
            let _infallible = write!(line, "{space}{key}={}", value_of(value));
        }
        line
    }
}

/// A field of the head: `\` and `|` are escaped, and a line has no other line in it.
fn head(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\r', '\n'], " ")
}

/// A value of the extension: `\` and `=` are escaped, and so are ends of lines.
fn value_of(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('=', "\\=");
    text.replace('\n', "\\n").replace('\r', "\\r")
}

/// How much an event matters, 0 to 10, as `docs/alarms.md` has it.
fn severity(act: &str) -> u8 {
    match act {
        "loss-accepted" | "key-loss-accepted" => 10,
        "alarm-raised" | "key-destroyed" | "token-key-compromised" => 8,
        "client-suspended" | "client-slowed" | "client-closed" => 6,
        "quota-warning" => 5,
        "alarm-acknowledged" | "alarm-cleared" | "client-unslowed" => 4,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{EventText, RequestId};
    use crate::clock::Micros;

    fn act(act: &str, target: &str, detail: Option<&str>) -> Act {
        Act {
            at: Micros(1_700_000_000_123_456),
            request_id: RequestId([0xab; 16]),
            by: EventText::shortened("cli:an=na"),
            act: EventText::shortened(act),
            target: EventText::shortened(target),
            detail: detail.map(EventText::shortened),
        }
    }

    fn line(act: &Act, format: LineFormat) -> String {
        Event { log: "n1", index: 7, act }.line(format)
    }

    #[test]
    fn cef_escapes_what_it_must_and_nothing_else() {
        let suspended = act("client-suspended", "a|b", Some("x=1 \\ y|z"));
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            line(&suspended, LineFormat::Cef),
            format!(
                "CEF:0|Project 06|population-verification-gateway|{version}|client-suspended|client \
                 suspended|6|rt=1700000000123 externalId=n1/7 suser=cli:an\\=na cs1Label=target \
                 cs1=a|b cs2Label=requestId cs2=abababababababababababababababab msg=x\\=1 \\\\ y|z"
            )
        );
        assert_eq!(head("a|b\\c\nd"), "a\\|b\\\\c d");
        assert_eq!(value_of("a|b\\c\nd\re=f"), "a|b\\\\c\\nd\\re\\=f");
    }

    #[test]
    fn json_tells_numbers_of_the_gateways_own_events() {
        let raised = act("alarm-raised", "carrier", Some("{\"observed\":0.7}"));
        let read: Value = serde_json::from_str(&line(&raised, LineFormat::Ndjson)).unwrap();
        assert_eq!(
            read,
            json!({
                "place": "n1/7", "log": "n1", "index": 7, "time": "2023-11-15T05:13:20.123+07:00",
                "request_id": "abababababababababababababababab", "event": "alarm-raised",
                "by": "cli:an=na", "target": "carrier", "detail": "{\"observed\":0.7}",
                "data": {"observed": 0.7},
            })
        );
        let plain = line(&act("key-added", "carrier", None), LineFormat::Ndjson);
        assert!(!plain.contains("detail") && !plain.contains("data"), "{plain}");
        assert_eq!(plain.lines().count(), 1);
    }
}
