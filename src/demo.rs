//! The sample province of `serve --demo`: made once, marked as sample data, with passwords of its own on every machine.
//!
//! Names, numbers and codes are made up; the check characters are right. Nothing of it is real.

use std::collections::BTreeMap;
use std::path::Path;

use base::id::{Account, Seal, Unit};
use base::{Id, Secret, Timestamp};
use ecert::CertificateType;
use ecert::certificate_type::{FieldDefinition, FieldKind, Layout, Validity};
use flows::caller::{Authority, scope};
use flows::clients::{self, Registration};
use flows::make_seal::{self, NewSeal};
use flows::people::{self, NewAccount, NewUnit, Post};
use flows::self_description::{Claimed, SelfDescription};
use flows::{Env, ecerts, register_client};
use identity::{Level, RealNameLevel};
use serde::{Deserialize, Serialize};
use store::rows::data_sets::DataSetRow;

use crate::{StartError, write_private};

/// The file in the data folder with the sample's accounts and secrets; readable by its owner only.
pub const ACCOUNTS_FILE: &str = "sample-accounts.json";

const OPERATOR: Authority<'static> = Authority::Operator;

/// What the sample holds, with what is needed to use it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// What this is.
    pub notice: String,
    /// The provider.
    pub issuer: String,
    /// People who can log in.
    pub people: Vec<SamplePerson>,
    /// Applications.
    pub applications: Vec<SampleApplication>,
    /// Units by a short name.
    pub units: BTreeMap<String, Id<Unit>>,
    /// Seals.
    pub seals: Vec<SampleSeal>,
    /// Codes of certificate types by a short name.
    pub certificate_types: BTreeMap<String, String>,
    /// Identifiers of data sets.
    pub data_sets: Vec<String>,
    /// A token with which applications register themselves (RFC 7591, 3), good for three months.
    #[serde(default)]
    pub initial_access_token: String,
}

/// A person of the sample.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplePerson {
    /// The account, also the `sub` of tokens.
    pub id: Id<Account>,
    /// The name to log in with.
    pub user_name: String,
    /// The password.
    pub password: String,
    /// The name shown.
    pub name: String,
    /// `citizen` or `official`.
    pub kind: String,
    /// What the person is there for.
    pub role: String,
    /// The identity number, made up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub id_number: Option<String>,
    /// An official's clearance.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    pub clearance: Option<u8>,
}

/// An application of the sample.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleApplication {
    /// A short name.
    pub name: String,
    /// Its identifier.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Where answers go.
    pub redirect_uris: Vec<String>,
    /// Where the browser may go after logout.
    pub post_logout_redirect_uris: Vec<String>,
    /// What it may ask for.
    pub scope: String,
    /// What its tokens are signed with.
    pub alg: String,
}

/// A seal of the sample.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleSeal {
    /// Its identifier.
    pub id: Id<Seal>,
    /// Its name.
    pub name: String,
}

impl Sample {
    /// The person called `user_name`.
    pub fn person(&self, user_name: &str) -> Option<&SamplePerson> {
        self.people.iter().find(|p| p.user_name == user_name)
    }

    /// The application with the short name `name`.
    pub fn application(&self, name: &str) -> Option<&SampleApplication> {
        self.applications.iter().find(|a| a.name == name)
    }
}

/// The sample of this data folder, made when there is none yet.
pub async fn find_or_seed(env: &Env, data: &Path) -> Result<Sample, StartError> {
    let path = data.join(ACCOUNTS_FILE);
    let file = |source| StartError::File { what: "sample accounts", path: path.clone(), source };
    if path.exists() {
        let text = std::fs::read_to_string(&path).map_err(file)?;
        return serde_json::from_str(&text)
            .map_err(|e| StartError::Configuration(format!("sample accounts `{}`: {e}", path.display())));
    }
    if !people::organisation(env).await?.is_empty() {
        let message = "`--demo` adds its sample to an empty installation only: use another `--data` folder";
        return Err(StartError::Configuration(message.to_owned()));
    }
    let sample = Seeding { env, now: env.now() }.seed().await?;
    let text = serde_json::to_vec_pretty(&sample).map_err(|e| StartError::Configuration(e.to_string()))?;
    write_private(&path, &text).map_err(file)?;
    Ok(sample)
}

struct Seeding<'a> {
    env: &'a Env,
    now: Timestamp,
}

/// Where a unit stands: short name, the unit above, level, code, names, unified social credit code.
type UnitLine = (
    &'static str,
    Option<&'static str>,
    Level,
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
);

const UNITS: [UnitLine; 7] = [
    ("province", None, Level::Province, "350000", "示例省", "Sample Province", Some("11350000009990012G")),
    ("rongcheng", Some("province"), Level::City, "350100", "榕城市", "Rongcheng", Some("11350100009990020G")),
    ("gushan", Some("rongcheng"), Level::County, "350102", "鼓山区", "Gushan", Some("11350102009990039A")),
    ("dongjie", Some("gushan"), Level::Township, "350102001", "东街街道", "Dongjie", None),
    ("junmen", Some("dongjie"), Level::Village, "350102001001", "军门社区", "Junmen", None),
    ("grid1", Some("junmen"), Level::Grid, "35010200100101", "第一网格", "Grid 1", None),
    ("ludao", Some("province"), Level::City, "350200", "鹭岛市", "Ludao", Some("11350200009990047D")),
];

/// Citizens: user name, name, identity number, role.
const CITIZENS: [(&str, &str, &str, &str); 3] = [
    ("li.xiaoman", "李小满", "350102198805209018", "a citizen"),
    ("zhang.jianguo", "张建国", "35010219750301902X", "a citizen who acts for the sample company"),
    ("chen.apo", "陈阿婆", "350102194408159039", "an older citizen"),
];

/// Officials: user name, name, unit, post, clearance, roles, what they are there for.
type OfficialLine =
    (&'static str, &'static str, &'static str, &'static str, u8, &'static [&'static str], &'static str);

const OFFICIALS: [OfficialLine; 4] = [
    ("zhao.yi", "赵一", "grid1", "网格员", 1, &[], "reads general data of one grid"),
    (
        "chen.ruoshui",
        "陈若水",
        "gushan",
        "政务服务科科长",
        2,
        &["seal_keeper", "certificate_issuer"],
        "keeps the seal of Gushan and issues its certificates",
    ),
    (
        "lin.zhixing",
        "林知行",
        "gushan",
        "数据管理科科长",
        3,
        &["application_registrar"],
        "reads graded data of Gushan, and asks for its applications",
    ),
    ("wang.shouyi", "王守一", "ludao", "数据局局长", 4, &[], "reads graded data of Ludao, another branch"),
];

/// Data sets: identifier, name, unit, grade.
const DATA_SETS: [(&str, &str, &str, u8); 6] = [
    ("gushan-parks", "公园名录", "gushan", 1),
    ("gushan-permits", "许可办理记录", "gushan", 2),
    ("gushan-residents", "常住人口信息", "gushan", 3),
    ("gushan-informants", "举报人信息", "gushan", 4),
    ("ludao-residents", "常住人口信息", "ludao", 3),
    ("grid1-visits", "走访记录", "grid1", 1),
];

const COMPANY: (&str, &str) = ("91350102MA9990051E", "榕城示例科技有限公司");

impl Seeding<'_> {
    async fn seed(&self) -> Result<Sample, StartError> {
        let units = self.units().await?;
        let unit = |name: &str| units.get(name).copied().ok_or_else(|| missing(name));
        let mut people = self.citizens().await?;
        let agent =
            people.iter().find(|p| p.user_name == "zhang.jianguo").ok_or_else(|| missing("agent"))?.id;
        people::add_legal_person(self.env, self.now, OPERATOR, COMPANY.0, COMPANY.1, agent, true).await?;
        for line in OFFICIALS {
            people.push(self.official(line, unit(line.2)?).await?);
        }
        for (id, name, place, grade) in DATA_SETS {
            let row = DataSetRow {
                id: id.to_owned(),
                name: name.to_owned(),
                unit: unit(place)?,
                unit_path: String::new(),
                grade,
            };
            people::add_data_set(self.env, self.now, OPERATOR, row, true).await?;
        }
        let mut seals = Vec::new();
        for (place, name) in [("gushan", "鼓山区人民政府（示例）"), ("ludao", "鹭岛市人民政府（示例）")]
        {
            let order = NewSeal { unit: unit(place)?, name: name.to_owned(), es_id: None, picture_png: None };
            let made = make_seal::make(self.env, self.now, OPERATOR, order, true).await?;
            seals.push(SampleSeal { id: made.id, name: name.to_owned() });
        }
        let seal = seals.first().ok_or_else(|| missing("seal"))?.id;
        let mut certificate_types = BTreeMap::new();
        for (name, type_) in types() {
            ecerts::add_type(self.env, self.now, OPERATOR, &type_, unit("gushan")?, seal, true).await?;
            certificate_types.insert(name.to_owned(), type_.code);
        }
        let applications = self.applications(seal, &certificate_types).await?;
        let ttl = register_client::INITIAL_ACCESS_MAX_SECONDS;
        let token = register_client::initial_access_token(self.env, self.now, OPERATOR, ttl).await?;
        Ok(Sample {
            notice: "示例数据，非真实 / sample data, nothing of it is real".to_owned(),
            issuer: self.env.settings.issuer.as_str().to_owned(),
            people,
            applications,
            units,
            seals,
            certificate_types,
            data_sets: DATA_SETS.iter().map(|(id, ..)| (*id).to_owned()).collect(),
            initial_access_token: token.expose().clone(),
        })
    }

    async fn units(&self) -> Result<BTreeMap<String, Id<Unit>>, StartError> {
        let mut units: BTreeMap<String, Id<Unit>> = BTreeMap::new();
        for (name, above, level, code, name_zh, name_en, uscc) in UNITS {
            let parent = match above {
                Some(above) => Some(units.get(above).copied().ok_or_else(|| missing(above))?),
                None => None,
            };
            let unit = NewUnit {
                parent,
                level,
                code: code.to_owned(),
                name_zh: name_zh.to_owned(),
                name_en: name_en.to_owned(),
                uscc: uscc.map(str::to_owned),
            };
            units.insert(name.to_owned(), people::add_unit(self.env, self.now, OPERATOR, unit).await?);
        }
        Ok(units)
    }

    async fn citizens(&self) -> Result<Vec<SamplePerson>, StartError> {
        let mut people = Vec::new();
        for (user_name, name, id_number, role) in CITIZENS {
            let password = self.password();
            let account = NewAccount {
                user_name: user_name.to_owned(),
                display_name: name.to_owned(),
                password: Secret::new(password.clone()),
                id_number: Some(id_number.to_owned()),
                real_name: RealNameLevel::Verified,
                description: describe(user_name, name),
            };
            let id = people::add_person(self.env, self.now, OPERATOR, account, None, true).await?;
            people.push(SamplePerson {
                id,
                user_name: user_name.to_owned(),
                password,
                name: name.to_owned(),
                kind: "citizen".to_owned(),
                role: role.to_owned(),
                id_number: Some(id_number.to_owned()),
                clearance: None,
            });
        }
        Ok(people)
    }

    async fn official(&self, line: OfficialLine, unit: Id<Unit>) -> Result<SamplePerson, StartError> {
        let (user_name, name, _, post, clearance, roles, role) = line;
        let password = self.password();
        let account = NewAccount {
            user_name: user_name.to_owned(),
            display_name: name.to_owned(),
            password: Secret::new(password.clone()),
            id_number: None,
            real_name: RealNameLevel::InPerson,
            description: SelfDescription {
                email: Some(Claimed { value: format!("{user_name}@gov.example.cn"), verified: true }),
                ..SelfDescription::default()
            },
        };
        let roles = roles.iter().map(|r| (*r).to_owned()).collect();
        let post = Post { unit, name: post.to_owned(), clearance, roles };
        let id = people::add_person(self.env, self.now, OPERATOR, account, Some(post), true).await?;
        Ok(SamplePerson {
            id,
            user_name: user_name.to_owned(),
            password,
            name: name.to_owned(),
            kind: "official".to_owned(),
            role: role.to_owned(),
            id_number: None,
            clearance: Some(clearance),
        })
    }

    async fn applications(
        &self,
        seal: Id<Seal>,
        types: &BTreeMap<String, String>,
    ) -> Result<Vec<SampleApplication>, StartError> {
        let portal = Registration {
            name_zh: "市民服务门户（示例）".to_owned(),
            name_en: "Citizen portal (sample)".to_owned(),
            redirect_uris: vec![
                "http://localhost:9871/callback".to_owned(),
                "http://127.0.0.1:9871/callback".to_owned(),
            ],
            post_logout_redirect_uris: vec!["http://localhost:9871/".to_owned()],
            grant_types: vec!["authorization_code".to_owned(), "refresh_token".to_owned()],
            scope: "openid profile real_name organisation offline_access seal:use ecert:issue admin"
                .to_owned(),
            ..Registration::default()
        };
        let fund = Registration {
            name_zh: "公积金查询（示例，国密令牌）".to_owned(),
            name_en: "Housing fund (sample, SM2 tokens)".to_owned(),
            redirect_uris: vec!["http://localhost:9872/callback".to_owned()],
            post_logout_redirect_uris: vec!["http://localhost:9872/".to_owned()],
            grant_types: vec!["authorization_code".to_owned(), "refresh_token".to_owned()],
            scope: "openid profile real_name offline_access".to_owned(),
            id_token_signed_response_alg: "SM2".to_owned(),
            access_token_signed_response_alg: "SM2".to_owned(),
            ..Registration::default()
        };
        let system = Registration {
            name_zh: "政务业务系统（示例，机器）".to_owned(),
            name_en: "Government system (sample, machine)".to_owned(),
            grant_types: vec!["client_credentials".to_owned()],
            scope: [scope::DECIDE, scope::REPORT_SIGNAL, scope::SEAL, scope::ISSUE_ECERT].join(" "),
            may_use_seals: vec![seal.to_string()],
            may_issue: types.values().cloned().collect(),
            ..Registration::default()
        };
        let system_sm2 = Registration {
            name_zh: "政务业务系统（示例，机器，国密令牌）".to_owned(),
            name_en: "Government system (sample, machine, SM2 tokens)".to_owned(),
            access_token_signed_response_alg: "SM2".to_owned(),
            ..system.clone()
        };
        let mut applications = Vec::new();
        for (name, registration) in
            [("portal", portal), ("fund", fund), ("system", system), ("system-sm2", system_sm2)]
        {
            let made = clients::register(self.env, self.now, OPERATOR, &registration, true).await?;
            applications.push(SampleApplication {
                name: name.to_owned(),
                client_id: made.client.id.as_str().to_owned(),
                client_secret: made.secret.map(|s| s.expose().clone()).unwrap_or_default(),
                redirect_uris: registration.redirect_uris,
                post_logout_redirect_uris: registration.post_logout_redirect_uris,
                scope: registration.scope,
                alg: registration.access_token_signed_response_alg,
            });
        }
        Ok(applications)
    }

    /// A password that can be read out: four groups of four letters and digits, 80 bits.
    fn password(&self) -> String {
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let random = base::entropy::bytes::<16>(self.env.entropy.as_ref());
        let letters = random.iter().filter_map(|b| LETTERS.get(usize::from(b & 31)).map(|c| char::from(*c)));
        letters.enumerate().fold(String::new(), |mut text, (i, c)| {
            if i > 0 && i % 4 == 0 {
                text.push('-');
            }
            text.push(c);
            text
        })
    }
}

/// What a citizen of the sample says of themselves: something in every claim, so that applications can be tried with all of them.
fn describe(user_name: &str, name: &str) -> SelfDescription {
    let mut letters = name.chars();
    let family_name = letters.next().map(String::from);
    let page = |what: &str| Some(format!("https://people.example.cn/{user_name}{what}"));
    SelfDescription {
        email: Some(Claimed { value: format!("{user_name}@example.cn"), verified: true }),
        phone: Some(Claimed { value: "+8613800000000".to_owned(), verified: true }),
        address: Some("示例省示例市示例路 1 号".to_owned()),
        family_name,
        given_name: Some(letters.collect()),
        middle_name: Some("示例".to_owned()),
        nickname: Some(user_name.to_owned()),
        profile: page(""),
        picture: page("/picture.png"),
        website: page("/home"),
        zoneinfo: Some("Asia/Shanghai".to_owned()),
        locale: Some("zh-CN".to_owned()),
    }
}

fn types() -> [(&'static str, CertificateType); 3] {
    let field = |key: &str, zh: &str, en: &str, kind: FieldKind, required: bool| FieldDefinition {
        key: key.to_owned(),
        label_zh: zh.to_owned(),
        label_en: en.to_owned(),
        kind,
        required,
    };
    let text = |max_chars| FieldKind::Text { max_chars };
    let type_ = |code: &str, name: &str, name_en: &str, surface, validity, layout| CertificateType {
        code: code.to_owned(),
        name: name.to_owned(),
        name_en: name_en.to_owned(),
        define_authority_name: "示例省".to_owned(),
        surface,
        validity,
        layout,
    };
    [
        (
            "residence",
            type_(
                "11350000009990012G001",
                "居住证（示例）",
                "Residence permit (sample)",
                vec![
                    field("address", "居住地址", "Address", text(60), true),
                    field("since", "居住起始日期", "Resident since", FieldKind::Date, true),
                    field("remark", "备注", "Remark", text(100), false),
                ],
                Validity::Years(1),
                Layout::Landscape,
            ),
        ),
        (
            "food",
            type_(
                "11350000009990012G002",
                "食品经营许可证（示例）",
                "Food business licence (sample)",
                vec![
                    field("premises", "经营场所", "Premises", text(60), true),
                    field("business", "主体业态", "Kind of business", text(40), true),
                    field("items", "经营项目", "Items", text(120), true),
                ],
                Validity::Years(5),
                Layout::Landscape,
            ),
        ),
        (
            "volunteer",
            type_(
                "11350000009990012G003",
                "志愿服务证书（示例）",
                "Volunteer certificate (sample)",
                vec![
                    field("hours", "服务时长（小时）", "Hours of service", FieldKind::Number, true),
                    field("project", "服务项目", "Project", text(60), true),
                ],
                Validity::LongTerm,
                Layout::Portrait,
            ),
        ),
    ]
}

fn missing(what: &str) -> StartError {
    StartError::Configuration(format!("the sample lacks `{what}`"))
}
