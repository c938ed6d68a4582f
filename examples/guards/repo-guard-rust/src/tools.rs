//! The tools that the guard knows: what each does, and what kind of thing it answers with.

use serde::Deserialize;
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Issue,
    IssueComment,
    PullRequest,
    Review,
    Commit,
    File,
    CodeHit,
    Repository,
    Branch,
    Tag,
    Release,
    WorkflowRun,
    Discussion,
    Notification,
    User,
    Alert,
    Gist,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Read,
    Write,
    ReadWrite,
}

impl Operation {
    pub fn name(self) -> &'static str {
        match self {
            Operation::Read => "read",
            Operation::Write => "write",
            Operation::ReadWrite => "read-write",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Tool {
    pub kind: Kind,
    pub operation: Operation,
}

/// A tool that is not listed here is a write of something unknown: the most restrictive answer.
pub fn find(name: &str, args: &Args) -> Tool {
    use Kind::*;
    use Operation::*;
    let (kind, operation) = match name {
        "list_issues" | "search_issues" | "list_sub_issues" => (Issue, Read),
        "get_issue" => (Issue, Read),
        "issue_read" => match args.method.as_deref() {
            Some("get_comments") => (IssueComment, Read),
            _ => (Issue, Read),
        },
        "get_issue_comments" | "list_issue_comments" => (IssueComment, Read),
        "list_pull_requests" | "search_pull_requests" | "get_pull_request" => (PullRequest, Read),
        "pull_request_read" => match args.method.as_deref() {
            Some("get_reviews") => (Review, Read),
            Some("get_comments") | Some("get_review_comments") => (IssueComment, Read),
            Some("get_files") | Some("get_diff") => (PullRequest, Read),
            _ => (PullRequest, Read),
        },
        "get_pull_request_reviews" => (Review, Read),
        "get_commit" | "list_commits" | "compare_commits" => (Commit, Read),
        "get_file_contents" | "get_repository_tree" => (File, Read),
        "search_code" => (CodeHit, Read),
        "search_repositories" | "get_repository" | "list_starred_repositories" => (Repository, Read),
        "list_branches" => (Branch, Read),
        "list_tags" | "get_tag" => (Tag, Read),
        "list_releases" | "get_latest_release" | "get_release_by_tag" => (Release, Read),
        "list_workflow_runs" | "get_workflow_run" | "actions_list" | "get_job_logs" => (WorkflowRun, Read),
        "list_discussions" | "get_discussion" | "get_discussion_comments" => (Discussion, Read),
        "list_notifications" | "get_notification_details" => (Notification, Read),
        "search_users" | "get_me" | "get_user" => (User, Read),
        "list_gists" | "get_gist" => (Gist, Read),
        "list_secret_scanning_alerts" | "get_secret_scanning_alert" => (Alert, Read),
        "list_code_scanning_alerts" | "list_dependabot_alerts" => (Alert, Read),
        "create_issue" | "issue_write" | "update_issue" | "add_sub_issue" | "assign_copilot_to_issue" => (Issue, Write),
        "add_issue_comment" | "add_discussion_comment" => (IssueComment, Write),
        "create_pull_request" | "request_copilot_review" => (PullRequest, Write),
        "update_pull_request" | "merge_pull_request" | "update_pull_request_branch" => (PullRequest, ReadWrite),
        "pull_request_review_write" | "add_comment_to_pending_review" => (Review, Write),
        "create_or_update_file" | "push_files" | "delete_file" => (File, ReadWrite),
        "create_branch" => (Branch, Write),
        "create_repository" | "fork_repository" | "star_repository" => (Repository, Write),
        "run_workflow" | "rerun_workflow_run" | "cancel_workflow_run" => (WorkflowRun, ReadWrite),
        "create_gist" | "update_gist" => (Gist, Write),
        "dismiss_notification" | "mark_all_notifications_read" => (Notification, Write),
        _ => (Unknown, Write),
    };
    Tool { kind, operation }
}

/// What `label_resource` and `label_response` are asked.
#[derive(Deserialize)]
pub struct Request {
    pub tool_name: String,
    #[serde(default)]
    pub tool_args: Value,
    #[serde(default)]
    pub tool_result: Value,
}

impl Request {
    pub fn parse(input: &[u8]) -> Result<Request, String> {
        serde_json::from_slice(input).map_err(|error| format!("the request: {error}"))
    }
}

/// The arguments that labels depend on. Clients write numbers as text now and then.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Args {
    pub owner: Option<String>,
    pub repo: Option<String>,
    pub method: Option<String>,
    pub query: Option<String>,
    pub path: Option<String>,
    #[serde(rename = "ref", alias = "branch")]
    pub reference: Option<String>,
    pub sha: Option<String>,
    #[serde(alias = "issueNumber")]
    pub issue_number: Option<Number>,
    #[serde(rename = "pullNumber", alias = "pull_number")]
    pub pull_number: Option<Number>,
    pub private: Option<bool>,
    pub public: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Number {
    Whole(u64),
    Real(f64),
    Text(String),
}

impl Number {
    pub fn get(&self) -> Option<u64> {
        match self {
            Number::Whole(number) => Some(*number),
            Number::Real(number) if *number >= 1.0 && *number < 9e15 && number.fract() == 0.0 => Some(*number as u64),
            Number::Real(_) => None,
            Number::Text(text) => text.trim().trim_start_matches('#').parse().ok(),
        }
    }
}

impl Args {
    /// Arguments of another shape count as none; the tool call itself will fail on them.
    pub fn parse(value: &Value) -> Args {
        match value {
            Value::Object(_) => Args::deserialize(value).unwrap_or_default(),
            Value::String(text) => match serde_json::from_str(text) {
                Ok(inner @ Value::Object(_)) => Args::parse(&inner),
                _ => Args::default(),
            },
            _ => Args::default(),
        }
    }

    pub fn full_name(&self) -> Option<String> {
        crate::repository::full_name(self.owner.as_deref()?, self.repo.as_deref()?)
    }
}
