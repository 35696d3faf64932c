//! Who calls: nobody, those whose token is not good, and a client of every kind with its ordinary
//! policy, with whole tokens and with tokens for one operation each.

use gateway::auth::ClientKind;
use gateway::request::Operation;
use serde_json::Value;

use super::rights::{Right, Row};
use crate::support::{TestApp, TestClient};

/// Whose token is taken back, expired or changed.
pub(super) const SPOILT: &str = "carrier";
/// Who is suspended while its token is good.
pub(super) const SUSPENDED: &str = "suspended-one";
/// Who may do everything, one operation a token.
pub(super) const EVERYTHING: &str = "everything";

/// Whether a caller's token is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    NotKnown,
    Suspended,
    Good,
}

/// Somebody who calls.
#[derive(Debug, Clone)]
pub(super) struct Who {
    pub(super) name: String,
    /// The client; none where nobody can tell who calls.
    pub(super) client: Option<&'static str>,
    pub(super) token: Option<String>,
    pub(super) standing: Standing,
    /// Whether the token is for all operations of the client.
    pub(super) is_whole: bool,
    /// Operations in both scope and policy.
    pub(super) may: Vec<&'static str>,
    /// Operations of the policy.
    policy: &'static [&'static str],
    pub(super) purpose: &'static str,
    discloses_status: bool,
    /// Receipt of an answer of its own; null if it has none.
    pub(super) receipt: Value,
}

/// What must become of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// 401 with this code.
    NotKnown(&'static str),
    /// 403 with this code.
    Refused(&'static str),
    /// It is answered, or refused for what it says.
    Admitted,
}

impl Who {
    fn unknown(name: &str, token: Option<String>) -> Self {
        Self {
            name: name.into(),
            client: None,
            token,
            standing: Standing::NotKnown,
            is_whole: true,
            may: Vec::new(),
            policy: &[],
            purpose: "telecom.subscriber",
            discloses_status: false,
            receipt: Value::Null,
        }
    }

    fn good(client: &TestClient, token: String, scope: &[&'static str]) -> Self {
        let may = client.operations.iter().copied().filter(|name| scope.contains(name)).collect();
        Self {
            name: format!("{} for {}", client.id, scope.join(" ")),
            client: Some(client.id),
            token: Some(token),
            standing: Standing::Good,
            is_whole: scope == client.operations,
            may,
            policy: client.operations,
            purpose: client.purposes[0],
            discloses_status: client.discloses_status,
            receipt: Value::Null,
        }
    }

    /// What the table says must become of this caller's good request.
    pub(super) fn expected(&self, row: &Row) -> Expected {
        let (refused, suspended) = ("operation-not-permitted", "client-suspended");
        let may_any = |names: &[&str]| self.may.iter().any(|own| names.contains(own));
        let by_right = match row.right {
            Right::Secret | Right::SecretOfAnyState if self.client.is_none() => {
                return Expected::NotKnown("invalid-client");
            }
            Right::Public | Right::SecretOfAnyState => return Expected::Admitted,
            Right::Secret | Right::Own => true,
            Right::OwnWithStatus(names) => self.discloses_status || may_any(names),
            Right::Operation(names) => may_any(names),
        };
        match (self.standing, by_right) {
            (Standing::NotKnown, _) => Expected::NotKnown("invalid-token"),
            (Standing::Suspended, _) => Expected::Refused(suspended),
            (Standing::Good, false) => Expected::Refused(refused),
            (Standing::Good, true) => Expected::Admitted,
        }
    }

    /// Whether the route shows this caller what belongs to all clients. A secret is asked for what
    /// the policy has.
    pub(super) fn sees_all(&self, row: &Row) -> bool {
        let own = match row.right {
            Right::Secret | Right::SecretOfAnyState => self.policy,
            Right::Public | Right::Own | Right::OwnWithStatus(_) | Right::Operation(_) => &self.may,
        };
        self.standing == Standing::Good && own.iter().any(|name| row.sees_all.contains(name))
    }
}

/// A client of every kind with its ordinary policy, and one that may do everything.
pub(super) fn clients() -> Vec<TestClient> {
    let mut clients: Vec<_> = ClientKind::ALL.into_iter().map(ordinary).collect();
    clients.push(TestClient { agency_code: "G90", ..TestClient::carrier(SUSPENDED) });
    clients.push(TestClient {
        kind: ClientKind::Platform,
        agency_code: "G91",
        operations: &[
            "verify",
            "lookup",
            "insurance",
            "sync",
            "push",
            "report",
            "history",
            "audit",
            "admin",
        ],
        purposes: &["operations.report"],
        ..TestClient::carrier(EVERYTHING)
    });
    clients
}

/// The ordinary policy of a kind (design, section 2: "Default policies").
fn ordinary(kind: ClientKind) -> TestClient {
    let id = kind.name();
    match kind {
        ClientKind::Ministry => TestClient::ministry(id),
        ClientKind::Locality => TestClient {
            kind,
            agency_code: "H26",
            purposes: &["service.public"],
            ..TestClient::ministry(id)
        },
        ClientKind::Carrier => TestClient::carrier(id),
        ClientKind::HealthFacility => TestClient::hospital(id),
        ClientKind::StateEnterprise => TestClient {
            kind,
            agency_code: "0100100079",
            purposes: &["electricity.customer"],
            accepted: &[],
            ..TestClient::carrier(id)
        },
        ClientKind::Platform => TestClient {
            kind,
            agency_code: "G06.02",
            purposes: &["service.public"],
            accepted: &[],
            ..TestClient::carrier(id)
        },
        ClientKind::Operator => TestClient::operator(id),
        ClientKind::Auditor => TestClient {
            kind,
            agency_code: "G01.09",
            operations: &["report", "audit"],
            ..TestClient::operator(id)
        },
    }
}

/// Gets everybody's tokens. Time passes meanwhile, so these come first.
pub(super) async fn all(app: &TestApp) -> Vec<Who> {
    let expired = token(app, SPOILT, &[]).await;
    app.pass(700);
    let revoked = token(app, SPOILT, &[]).await;
    app.post_form("/oauth2/revoke", SPOILT, &format!("token={revoked}")).await;
    let changed = spoil(&token(app, SPOILT, &[]).await);
    let mut all = vec![
        Who::unknown("nobody", None),
        Who::unknown("a token with a broken signature", Some(changed)),
        Who::unknown("an expired token", Some(expired)),
        Who::unknown("a revoked token", Some(revoked)),
    ];
    for client in clients() {
        let whole = token(app, client.id, &[]).await;
        all.push(Who::good(&client, whole, client.operations));
        if client.operations.len() > 1 {
            for operation in client.operations {
                let narrow = token(app, client.id, &[operation]).await;
                all.push(Who::good(&client, narrow, &[operation]));
            }
        }
    }
    assert!(app.app.store.set_client_state(SUSPENDED, "suspended").await.unwrap());
    app.app.load_directory().await.unwrap();
    for who in &mut all {
        if who.client == Some(SUSPENDED) {
            who.standing = Standing::Suspended;
        }
    }
    all
}

/// A token; for these operations, or for all.
pub(super) async fn token(app: &TestApp, client: &str, scope: &[&str]) -> String {
    let scope = match scope {
        [] => String::new(),
        names => format!("&scope={}", names.join("+")),
    };
    let form = format!("grant_type=client_credentials{scope}");
    let answer = app.ask_token_scoped(client, &form).await.ok();
    answer["access_token"].as_str().unwrap().to_owned()
}

/// The token or name with one letter near its end changed.
pub(super) fn spoil(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = bytes.len() - 8;
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).unwrap()
}

#[test]
fn there_is_a_caller_of_every_kind_and_one_for_every_operation() {
    let clients = clients();
    for kind in ClientKind::ALL {
        assert!(clients.iter().any(|client| client.kind == kind), "{kind:?}");
    }
    let everything = clients.iter().find(|client| client.id == EVERYTHING).unwrap();
    assert_eq!(everything.operations, Operation::ALL.map(Operation::name));
}
