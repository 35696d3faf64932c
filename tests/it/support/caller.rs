//! A client that calls a gateway's doors as any program would.

use serde_json::Value;

use super::Answer;

/// A client that calls with its token.
#[derive(Debug, Clone)]
pub struct Caller {
    pub http: reqwest::Client,
    pub api: String,
    pub token: String,
}

impl Caller {
    /// Verifies.
    pub async fn verify(&self, body: &Value) -> Answer {
        self.verify_text(&body.to_string()).await
    }

    /// Verifies with a body that may be no JSON.
    pub async fn verify_text(&self, body: &str) -> Answer {
        self.post("/v1/verifications", "application/json", body).await
    }

    /// Verifies with further header fields.
    pub async fn verify_with(&self, fields: &[(&str, &str)], body: &str) -> Answer {
        self.post_with("/v1/verifications", fields, body).await
    }

    /// Posts JSON with further header fields.
    pub async fn post_with(&self, path: &str, fields: &[(&str, &str)], body: &str) -> Answer {
        let request = self.http.post(format!("{}{path}", self.api));
        let mut request =
            request.bearer_auth(&self.token).header("content-type", "application/json");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let response = request.body(body.to_owned()).send().await.expect("the gateway answers");
        Answer::read(response).await
    }

    /// Posts JSON under an idempotency key.
    pub async fn post_once(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.post_with(path, &[("idempotency-key", key)], &body.to_string()).await
    }

    /// Verifies; none where the connection broke before the answer was whole.
    pub async fn try_verify(&self, body: &Value) -> Option<Answer> {
        let request = self.http.post(format!("{}/v1/verifications", self.api));
        let request = request.bearer_auth(&self.token).header("content-type", "application/json");
        let response = request.body(body.to_string()).send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Some(Answer { status, headers, text: response.text().await.ok()? })
    }

    /// Posts anything.
    pub async fn post(&self, path: &str, media_type: &str, body: &str) -> Answer {
        let request = self.http.post(format!("{}{path}", self.api)).bearer_auth(&self.token);
        let request = request.header("content-type", media_type).body(body.to_owned());
        Answer::read(request.send().await.expect("the gateway answers")).await
    }

    /// Deletes anything.
    pub async fn delete(&self, path: &str) -> Answer {
        let request = self.http.delete(format!("{}{path}", self.api)).bearer_auth(&self.token);
        Answer::read(request.send().await.expect("the gateway answers")).await
    }

    /// Changes anything by JSON.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        let request = self.http.patch(format!("{}{path}", self.api)).bearer_auth(&self.token);
        let request = request.header("content-type", "application/json").body(body.to_string());
        Answer::read(request.send().await.expect("the gateway answers")).await
    }

    /// Puts anything.
    pub async fn put_text(&self, path: &str, media_type: &str, body: &str) -> Answer {
        let request = self.http.put(format!("{}{path}", self.api)).bearer_auth(&self.token);
        let request = request.header("content-type", media_type).body(body.to_owned());
        Answer::read(request.send().await.expect("the gateway answers")).await
    }

    /// Puts JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        let request = self.http.put(format!("{}{path}", self.api)).bearer_auth(&self.token);
        let request = request.header("content-type", "application/json").body(body.to_string());
        Answer::read(request.send().await.expect("the gateway answers")).await
    }

    /// Gets anything.
    pub async fn get(&self, path: &str) -> Answer {
        let request = self.http.get(format!("{}{path}", self.api)).bearer_auth(&self.token);
        Answer::read(request.send().await.expect("the gateway answers")).await
    }

    /// Gets anything that is no text.
    pub async fn get_raw(&self, path: &str) -> reqwest::Response {
        let request = self.http.get(format!("{}{path}", self.api)).bearer_auth(&self.token);
        request.send().await.expect("the gateway answers")
    }

    /// The bytes of a 200.
    pub async fn get_bytes(&self, path: &str) -> Vec<u8> {
        let response = self.get_raw(path).await;
        assert_eq!(response.status().as_u16(), 200, "{path}");
        response.bytes().await.expect("the body comes whole").to_vec()
    }

    /// The match-rate report with these parameters.
    pub async fn report(&self, query: &str) -> Answer {
        self.get(&format!("/v1/reports/match-rates{query}")).await
    }
}
