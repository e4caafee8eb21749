//! `jwcrypto`, which others wrote over OpenSSL, reads what we encrypt; X25519 is among its keys.

use std::io::Write;
use std::process::{Command, Stdio};

use base::OsEntropy;
use jose::jwe::{ContentEncryption, EncryptionKey, Header, encrypt};
use serde_json::Value;

/// The interpreter that has `jwcrypto`, when it is not `python3`.
const PYTHON: &str = "YINXIN_TEST_PYTHON";

/// Makes keys: a line of private and public JWK for each.
const MAKE: &str = r#"
from jwcrypto import jwk
for kind in ({'kty': 'RSA', 'size': 2048}, {'kty': 'EC', 'crv': 'P-256'}, {'kty': 'OKP', 'crv': 'X25519'}):
    key = jwk.JWK.generate(kid=kind['kty'], use='enc', **kind)
    print(key.export())
    print(key.export_public())
"#;

/// Reads lines of key and token, and writes header and plaintext.
const READ: &str = r#"
import sys, json
from jwcrypto import jwk, jwe
lines = [line.strip() for line in sys.stdin]
for key, token in zip(lines[::2], lines[1::2]):
    made = jwe.JWE()
    made.allowed_algs = ['RSA-OAEP', 'RSA-OAEP-256', 'ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A256KW',
                         'A128GCM', 'A256GCM', 'A128CBC-HS256', 'A256CBC-HS512']
    made.deserialize(token, jwk.JWK.from_json(key))
    print(json.dumps([made.jose_header, made.payload.decode()]))
"#;

/// What `program` prints when it reads `input`, by lines.
#[expect(clippy::disallowed_methods, reason = "a test is told by the environment where its Python is")]
fn python(program: &str, input: &str) -> Option<Vec<String>> {
    let interpreter = std::env::var(PYTHON).unwrap_or_else(|_| "python3".to_owned());
    let mut command = Command::new(interpreter);
    command.args(["-c", program]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    child.stdin.take()?.write_all(input.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(complaint.contains("No module named"), "{complaint}");
        return None;
    }
    Some(String::from_utf8(output.stdout).ok()?.lines().map(str::to_owned).collect())
}

#[test]
fn jwcrypto_reads_what_we_encrypt() {
    let Some(keys) = python(MAKE, "") else {
        eprintln!("skipped: no `jwcrypto` in python3, nor in what {PYTHON} names");
        return;
    };
    let (mut input, mut expected) = (String::new(), Vec::new());
    for pair in keys.chunks(2) {
        let key = EncryptionKey::from_json(pair[1].as_bytes()).unwrap();
        for alg in key.algorithms() {
            for enc in ContentEncryption::INTERNATIONAL {
                let plaintext = format!("{alg} and {enc} for {}", key.kid().unwrap());
                let header = Header { typ: None, cty: Some("JWT"), iss: None };
                let token = encrypt(&key, *alg, enc, &header, plaintext.as_bytes(), &OsEntropy).unwrap();
                input += &format!("{}\n{token}\n", pair[0]);
                expected.push(plaintext);
            }
        }
    }
    let read: Vec<(Value, String)> =
        python(READ, &input).unwrap().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read.iter().map(|(_, plaintext)| plaintext.clone()).collect::<Vec<_>>(), expected);
    assert!(read.iter().all(|(header, _)| header["cty"] == "JWT" && header["kid"].is_string()));
    assert_eq!(read.len(), 4 * (2 + 3 + 3));
}
