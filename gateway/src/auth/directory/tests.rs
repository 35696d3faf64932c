//! Who stands how, and who may act for whom.

use super::*;

fn row() -> ClientRow {
    ClientRow {
        client_id: "c".into(),
        agency_code: "G01".into(),
        kind: "ministry".into(),
        name_vi: String::new(),
        name_en: String::new(),
        state: "active".into(),
        state_reason: None,
        state_us: 0,
        policy_name: "p".into(),
        policy_version: 1,
        agreement_from_us: 100,
        agreement_until_us: 200,
        assessment_level: 3,
        assessment_from_us: 0,
        assessment_until_us: 180,
        connected_us: Some(100),
        created_us: 0,
    }
}

#[test]
fn dates_and_states_act_by_themselves() {
    let client = Client::from_row(&row(), Vec::new()).unwrap();
    assert_eq!(client.standing(Micros(99)), Standing::AgreementExpired);
    assert_eq!(client.standing(Micros(100)), Standing::Good);
    assert_eq!(client.standing(Micros(180)), Standing::AssessmentExpired);
    assert_eq!(client.standing(Micros(200)), Standing::AgreementExpired);
    let low = Client::from_row(&ClientRow { assessment_level: 2, ..row() }, Vec::new()).unwrap();
    assert_eq!(low.standing(Micros(150)), Standing::AssessmentExpired);
    for state in ClientState::ALL {
        let client =
            Client::from_row(&ClientRow { state: state.name().into(), ..row() }, Vec::new())
                .unwrap();
        let good = client.standing(Micros(150)) == Standing::Good;
        assert_eq!(good, state == ClientState::Active, "{state:?}");
    }
}

#[test]
fn a_client_acts_for_what_lies_below_it_and_for_what_is_on_its_list() {
    let directory = Directory::default();
    let with = |id: &str, code: &str, state: &str| ClientRow {
        client_id: id.into(),
        agency_code: code.into(),
        state: state.into(),
        ..row()
    };
    let rows = [
        with("a", "G02", "suspended"),
        with("b", "G02", "active"),
        with("c", "G01", "active"),
        with("d", "G02", "active"),
    ];
    directory.replace(&rows, &[("c".into(), "H26".into())]).unwrap();
    let code = |text| AgencyCode::parse(text).unwrap();
    let client = directory.client(&ClientId::parse("c").unwrap()).unwrap();
    for (agency, may) in
        [("G01", true), ("G01.5", true), ("H26", true), ("H26.1", false), ("G02", false)]
    {
        assert_eq!(client.may_act_for(&code(agency)), may, "{agency}");
    }
    let of = |agency| directory.client_of_agency(&code(agency));
    assert_eq!(of("G02").unwrap().client_id.as_str(), "b");
    assert!(of("H26").is_none());
}

#[test]
fn a_row_that_cannot_be_read_is_left_out_and_holds_no_other_back() {
    let directory = Directory::default();
    directory.replace(&[row()], &[]).unwrap();
    let bad = ClientRow { client_id: "bad".into(), kind: "pirate".into(), ..row() };
    let suspended = ClientRow { state: "suspended".into(), ..row() };
    let left_out = directory.replace_readable(&[bad, suspended], &[("c".into(), "g1".into())]);
    assert_eq!(left_out.len(), 2);
    let states: Vec<ClientState> = directory.all().values().map(|it| it.state()).collect();
    assert_eq!(states, [ClientState::Suspended]);
}
