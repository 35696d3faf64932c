//! `HAProxy` as the gate alone: it verifies an HS256 token and keeps a rate, and passes what is
//! allowed to the echo.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use super::TOKEN_S;
use crate::child::Child;
use crate::failure::Failure;
use crate::ports;
use crate::token;
use crate::wire::{Endpoint, Link, Post};

/// Where to look: Debian installs it where an ordinary user's path does not.
const PROGRAMS: [&str; 2] = ["haproxy", "/usr/sbin/haproxy"];

/// `HAProxy` as a child process.
pub(super) struct Haproxy {
    child: Child,
    port: u16,
}

/// The program, where it is installed.
pub(super) fn find() -> Option<PathBuf> {
    PROGRAMS.iter().map(PathBuf::from).find(|program| {
        let mut version = Command::new(program);
        version.arg("-v").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    })
}

impl Haproxy {
    /// Starts it in front of the echo, and makes sure that it lets in and keeps out whom it should:
    /// a peer that checks nothing would be an unfair one.
    pub(super) async fn start(
        program: &Path,
        folder: &Path,
        secret: &str,
        echo_port: u16,
    ) -> Result<Self, Failure> {
        let port = ports::free(&[])?;
        let file = folder.join("haproxy.cfg");
        fs::write(&file, configuration(port, echo_port, secret))
            .context("HAProxy's configuration")?;
        let mut command = Command::new(program);
        // In the foreground as one process: its id is the one whose CPU time we read.
        command.arg("-db").arg("-f").arg(&file);
        let mut child = Child::start("haproxy", &mut command, folder)?;
        ports::listening(&mut child, port).await?;
        check_gate(&Endpoint::local(port), secret).await?;
        Ok(Self { child, port })
    }

    /// Its port on this machine.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.pid()
    }
}

/// The limit is never reached: the work of keeping the rate is compared, not refusals.
fn configuration(port: u16, echo_port: u16, secret: &str) -> String {
    format!(
        r#"global
    nbthread 2
    maxconn 8192

defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    option http-keep-alive

frontend gate
    bind 127.0.0.1:{port}
    http-request set-var(txn.bearer) http_auth_bearer
    http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
    http-request deny deny_status 401 unless {{ var(txn.alg) -m str HS256 }}
    http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_verify(txn.alg,"{secret}") -m int 1 }}
    http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
    http-request set-var(txn.now) date()
    http-request deny deny_status 401 unless {{ var(txn.exp),sub(txn.now) -m int gt 0 }}
    http-request set-var(txn.sub) var(txn.bearer),jwt_payload_query('$.sub')
    http-request track-sc0 var(txn.sub) table rates
    http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 100000000 }}
    default_backend echo

backend rates
    stick-table type string len 64 size 100k expire 60s store http_req_rate(1s)

backend echo
    http-reuse always
    server echo 127.0.0.1:{echo_port}
"#
    )
}

/// Asks once with a good token, once with a forged one and once with an expired one.
async fn check_gate(endpoint: &Endpoint, secret: &str) -> Result<(), Failure> {
    let forged = token::random_secret()?;
    let cases = [
        ("good", token::hs256(secret, TOKEN_S)?, 200),
        ("forged", token::hs256(&forged, TOKEN_S)?, 401),
        ("expired", token::hs256(secret, -60)?, 401),
    ];
    for (what, token, must) in cases {
        let post = Post {
            path: "/v1/verifications",
            authorization: &format!("Bearer {token}"),
            content_type: "application/json",
            body: b"{}",
        };
        // A link of its own each: HAProxy closes the connection of whom it refuses, and may send
        // its page without a length.
        let answer = Link::new(endpoint.clone()).exchange(&post.bytes(endpoint)).await;
        let status = answer.map_err(|error| {
            Failure::Unavailable(format!("HAProxy, asked with a {what} token: {error}"))
        })?;
        if status != must {
            return Err(Failure::Unavailable(format!(
                "HAProxy answers a {what} token with {status}, must be {must}"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_checks_algorithm_signature_expiry_and_rate() {
        let text = configuration(8081, 8082, "s3cret");
        for needed in [
            "nbthread 2",
            "bind 127.0.0.1:8081",
            "-m str HS256",
            r#"jwt_verify(txn.alg,"s3cret") -m int 1 }"#,
            "var(txn.exp),sub(txn.now) -m int gt 0",
            "track-sc0 var(txn.sub)",
            "sc_http_req_rate(0) gt 100000000",
            "server echo 127.0.0.1:8082",
        ] {
            assert!(text.contains(needed), "{needed}");
        }
    }
}
