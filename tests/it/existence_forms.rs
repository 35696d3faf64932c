//! An answer never tells whether a key was issued: by every key, about every attribute in every form
//! of its value, with every name that is nearly right.
//!
//! Whether a key was issued, and what is on file under it, is all that differs between the requests
//! that are compared. So the answers must be the same but for identities, tokens and receipts.

use gateway::matching::compare_name;
use gateway::policy::Reason;
use serde_json::{Value, json};

use crate::existence::{OTHER_KEYS, assert_alike, register_of_shared_keys};
use crate::support::{
    Caller, FakeRegister, ON_FILE, TestApp, TestClient, merge, on_file, person_on_file,
};

const NAME_ON_FILE: &str = "Trần Thị Kiểm Thử";
const STRANGER: &str = "Đặng Văn Nghiệm";

/// Names that no policy of these tests accepts, each with what it is beside the name on file.
const NAMES: [(&str, Reason); 11] = [
    ("Trần Thị Kiểm Thứ", Reason::ToneDiffers),
    ("Trần Thị Kiểm Chử", Reason::OneLetter),
    ("Trần Kiểm Thử", Reason::TokenMissing),
    ("Bà Trần Thị Kiểm Thử", Reason::ExtraToken),
    ("Kiểm Thử Trần Thị", Reason::TokenOrder),
    ("Trần T. Kiểm Thử", Reason::Initials),
    ("TrầnThịKiểmThử", Reason::Squashed),
    ("TRANTHIKIEMTHU", Reason::Different),
    ("TRAN THI KIEM CHU", Reason::Different),
    ("TrÇn ThÞ KiÓm Thø", Reason::ToneDiffers),
    (STRANGER, Reason::Different),
];

/// Nobody's in a cell without people, nobody's in a cell with people, a living person's, a dead
/// person's, and that of somebody of whom little more than the name is on file.
const PERSONAL_IDS: [&str; 5] =
    ["999090004711", "001090004712", ON_FILE, "001090004713", "001090004714"];

/// What may be claimed of each attribute: what is on file in all its forms, near misses, and what
/// differs. A row of the table holds one value of each.
const ROWS: usize = 7;

fn values() -> [(&'static str, Vec<Value>); 7] {
    let born = ["1990-05-07", "07/05/1990", "1990-05", "1990", "1990-07-05", "1990-05-08", "1971"];
    let issued =
        ["04/03/2021", "2021", "2021-03-04", "2021-03", "2021-04-03", "2011-03-04", "2019"];
    let texts = |texts: &[&str]| texts.iter().map(|text| json!(text)).collect::<Vec<_>>();
    let places = vec![
        json!({"province": "01"}),
        json!({"scheme": "2025", "province": "01", "commune": "00004"}),
        json!({"scheme": "2004", "province": "01", "commune": "00004"}),
        json!({"scheme": "2004", "province": "01"}),
        json!({"province": "79"}),
        json!({"province": "01", "commune": "00008"}),
        json!({"scheme": "2004", "province": "79"}),
    ];
    [
        ("date_of_birth", texts(&born)),
        ("sex", texts(&["female", "male"])),
        ("old_id_number", texts(&["012345678", "012345679", "987654321"])),
        ("card_issue_date", texts(&issued)),
        ("place_of_origin", places.clone()),
        ("permanent_address", places),
        ("insurance_number", texts(&["0123456789", "DN4790123456789", "0123456780"])),
    ]
}

/// Requests that claim something of all attributes but the name, until every value was claimed.
fn all_at_once() -> Vec<Value> {
    let row = |at: usize| {
        let claims =
            values().map(|(name, forms)| (name.to_owned(), forms[at % forms.len()].clone()));
        json!({"attributes": claims.into_iter().collect::<serde_json::Map<_, _>>()})
    };
    (0..ROWS).map(row).collect()
}

/// Requests that claim one value beside the date of birth, which is required.
fn one_by_one() -> Vec<Value> {
    let claim = |(name, forms): (&'static str, Vec<Value>)| {
        forms
            .into_iter()
            .map(move |form| merge(&json!({"date_of_birth": "1990-05-07"}), &json!({name: form})))
    };
    values().into_iter().flat_map(claim).map(|claims| json!({"attributes": claims})).collect()
}

async fn start(client: TestClient) -> (TestApp, FakeRegister) {
    let register = register_of_shared_keys().await;
    // Keys of their own, or theirs would be shared with the first person on file.
    register.enter(merge(
        &person_on_file(),
        &json!({"personal_id": PERSONAL_IDS[3], "status": "deceased",
            "old_id_number": "000000001", "insurance_number": "0000000001"}),
    ));
    register.enter(json!({
        "personal_id": PERSONAL_IDS[4], "status": "active", "superseded": false,
        "full_name": NAME_ON_FILE, "date_of_birth": "1990", "sex": null, "old_id_number": null,
        "card_issue_date": null, "place_of_origin": null, "permanent_address": null,
        "insurance_number": null,
    }));
    let app = TestApp::builder()
        .register(&register.url)
        .clients([client])
        .with_room_for_guesses()
        .start()
        .await;
    (app, register)
}

/// Sets of subjects that must not be told apart; what only a card says is the name on it.
async fn subjects(caller: &Caller, card_name: Option<&str>) -> Vec<Vec<Value>> {
    let of_kind = |kind: &str, keys: &[&str]| keys.iter().map(|key| json!({kind: key})).collect();
    let mut sets: Vec<Vec<Value>> = vec![of_kind("personal_id", &PERSONAL_IDS)];
    sets.extend(OTHER_KEYS.map(|(kind, keys)| of_kind(kind, &keys)));
    let on_old_cards = OTHER_KEYS[1].1.map(|number| format!("DN479{number}"));
    sets.push(of_kind("insurance_number", &on_old_cards.each_ref().map(String::as_str)));
    for at in [0, 1, 2] {
        let tokens = tokens(caller, &sets[at]).await;
        sets.push(tokens);
    }
    if let Some(name) = card_name {
        let card = |number| format!("{number}|012345678|{name}|07051990|Nữ|Hà Nội|04032021");
        sets.push(PERSONAL_IDS.map(|number| json!({"card_qr": card(number)})).to_vec());
    }
    sets
}

/// The tokens that a caller without the name was given for these subjects.
async fn tokens(caller: &Caller, subjects: &[Value]) -> Vec<Value> {
    let stranger = merge(&on_file(), &json!({"attributes": {"full_name": null}}));
    let mut tokens = Vec::new();
    for subject in subjects {
        let mut body = merge(&stranger, &json!({"attributes": {"full_name": STRANGER}}));
        body["subject"] = subject.clone();
        tokens.push(json!({"subject_token": caller.verify(&body).await.ok()["subject_token"]}));
    }
    tokens
}

/// Asks the same about all subjects of each set, and finds them alike and that nothing is right.
async fn assert_nothing_is_told(caller: &Caller, sets: &[Vec<Value>], claims: &[Value]) {
    for subjects in sets {
        for claims in claims {
            let mut answers = Vec::new();
            for subject in subjects {
                let mut body = merge(&json!({"purpose": "telecom.subscriber"}), claims);
                body["subject"] = subject.clone();
                answers.push(caller.verify(&body).await);
            }
            assert_alike(&answers);
            let answer = answers[0].ok();
            assert_eq!(answer["outcome"], "not_matched", "{claims} {subjects:?}");
            let different = json!({"verdict": "no_match", "reason": "different"});
            let shown = answer["attributes"].as_object().unwrap();
            assert!(shown.values().all(|shown| *shown == different), "{claims}: {shown:?}");
            assert!(answer.get("subject_status").is_none());
        }
    }
}

fn with_name(claims: &[Value], name: &str) -> Vec<Value> {
    let named = json!({"attributes": {"full_name": name}});
    claims.iter().map(|claims| merge(claims, &named)).collect()
}

#[test]
fn the_names_are_what_they_are_called() {
    for (name, reason) in NAMES {
        assert_eq!(compare_name(name, NAME_ON_FILE).reason(), Some(reason), "{name}");
    }
    let marks_missing = compare_name("TRAN THI KIEM THU", NAME_ON_FILE).reason();
    assert_eq!(marks_missing, Some(Reason::MarksMissing));
    assert!(values().iter().all(|(_, forms)| forms.len() <= ROWS), "no row has the last");
}

#[tokio::test]
async fn a_nearly_right_name_opens_no_attribute_in_any_form_by_any_key() {
    let (app, _register) = start(TestClient::carrier("carrier")).await;
    let caller = app.caller("carrier").await;
    let keys = subjects(&caller, None).await;
    for (name, _) in NAMES {
        assert_nothing_is_told(&caller, &keys, &with_name(&all_at_once(), name)).await;
    }
}

#[tokio::test]
async fn a_nearly_right_name_opens_no_value_that_is_claimed_alone() {
    let (app, _register) = start(TestClient::carrier("carrier")).await;
    let caller = app.caller("carrier").await;
    let keys = subjects(&caller, None).await;
    for name in [NAMES[0].0, STRANGER] {
        assert_nothing_is_told(&caller, &keys[..3], &with_name(&one_by_one(), name)).await;
    }
}

#[tokio::test]
async fn a_nearly_right_name_on_a_card_opens_nothing() {
    let (app, _register) = start(TestClient::carrier("carrier")).await;
    let caller = app.caller("carrier").await;
    for (name, _) in NAMES {
        let sets = subjects(&caller, Some(name)).await;
        let mut claims = all_at_once();
        claims.push(json!({}));
        assert_nothing_is_told(&caller, &sets[sets.len() - 1..], &claims).await;
    }
}

#[tokio::test]
async fn a_name_without_marks_opens_nothing_where_the_policy_does_not_accept_it() {
    let (app, _register) =
        start(TestClient { accepted: &[], ..TestClient::carrier("strict") }).await;
    let caller = app.caller("strict").await;
    let name = "TRAN THI KIEM THU";
    let sets = subjects(&caller, Some(name)).await;
    let (cards, keys) = sets.split_last().unwrap();
    assert_nothing_is_told(&caller, keys, &with_name(&all_at_once(), name)).await;
    assert_nothing_is_told(&caller, std::slice::from_ref(cards), &all_at_once()).await;
}

#[tokio::test]
async fn without_a_name_no_attribute_in_any_form_opens_anything() {
    let nameless = TestClient { required: &["date_of_birth"], ..TestClient::carrier("nameless") };
    let (app, _register) = start(nameless).await;
    let caller = app.caller("nameless").await;
    let keys = subjects(&caller, None).await;
    assert_nothing_is_told(&caller, &keys, &all_at_once()).await;
    assert_nothing_is_told(&caller, &keys[..1], &one_by_one()).await;
}
