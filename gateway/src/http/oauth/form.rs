//! Forms of the OAuth endpoints (RFC 6749, section 3.2): a parameter that we know comes once, others
//! are ignored, and one without a value counts as left out.

use super::super::code::Code;
use super::super::error::{FieldError, Problem};

/// The parameters by which a client says who it is.
const OWN: [&str; 4] = ["client_id", "client_assertion", "client_assertion_type", "client_secret"];

/// A form: what is asked, and who asks.
#[derive(Debug)]
pub(super) struct Form<const N: usize> {
    /// The values of the parameters that were asked for.
    pub(super) values: [Option<String>; N],
    /// Who asks.
    pub(super) identity: Identity,
}

/// What a form says about who sent it.
#[derive(Debug, Default)]
pub(super) struct Identity {
    pub(super) client_id: Option<String>,
    pub(super) assertion: Option<String>,
    pub(super) assertion_type: Option<String>,
    pub(super) has_secret: bool,
}

impl<const N: usize> Form<N> {
    /// Reads a form.
    ///
    /// # Errors
    /// 400 where a parameter comes twice.
    pub(super) fn read(body: &[u8], names: [&'static str; N]) -> Result<Self, Problem> {
        let mut values = [const { None }; N];
        let mut own = [const { None }; OWN.len()];
        for (name, value) in form_urlencoded::parse(body) {
            let known = names.iter().position(|known| *known == name).map(|at| &mut values[at]);
            let identity = OWN.iter().position(|known| *known == name);
            let Some(slot) = known.or(identity.map(|at| &mut own[at])) else { continue };
            if slot.replace(value.into_owned()).is_some() {
                return Err(wrong(&name, "duplicate"));
            }
        }
        let has_value = |value: &String| !value.is_empty();
        let [client_id, assertion, assertion_type, secret] =
            own.map(|value: Option<String>| value.filter(has_value));
        let identity =
            Identity { client_id, assertion, assertion_type, has_secret: secret.is_some() };
        Ok(Self { values: values.map(|value| value.filter(has_value)), identity })
    }
}

/// A parameter that does not belong, or is missing.
pub(super) fn wrong(name: &str, code: &'static str) -> Problem {
    let error = FieldError { pointer: format!("/{name}"), code };
    Problem::with_errors(Code::InvalidRequest, vec![error])
}
