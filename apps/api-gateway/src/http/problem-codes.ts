/** HTTP status, title and remedy of one kind of problem. */
export type ProblemKind = { status: number; title: string; fix: string };

const kind = (status: number, title: string, fix: string): ProblemKind => ({ status, title, fix });

/** Every code that an answer may carry, with the status it becomes. The one place that knows both. */
export const PROBLEMS: Readonly<Record<string, ProblemKind>> = {
  invalid_request: kind(400, 'The request is not valid', 'Correct the fields listed under errors.'),
  malformed_json: kind(400, 'The body is not JSON', 'Send one JSON object, nested at most 50 deep.'),
  malformed_payload: kind(400, 'The delivery is not understood', 'Send the payload as the forge defines it.'),
  malformed_path: kind(400, 'The path is not well formed', 'Write % as %25, and escape whole UTF-8 characters.'),
  invalid_cursor: kind(
    400,
    'The cursor is not valid here',
    'Use nextCursor of the page before, with the same filters.',
  ),
  unauthorized: kind(401, 'A valid token is required', 'Send Authorization: Bearer <admin token>.'),
  invalid_signature: kind(401, 'The signature is not valid', 'Set the same secret here and at the forge.'),
  foreign_origin: kind(403, 'The origin is not allowed', 'Open the socket from a page of this server.'),
  not_found: kind(404, 'There is no such thing', 'Check the address; lists show what exists.'),
  method_not_allowed: kind(405, 'The path does not take this method', 'Use a method that Allow names.'),
  project_exists: kind(409, 'The name is taken', 'Choose another name, or register the same URL.'),
  service_exists: kind(409, 'The name is taken', 'Choose another name, or change the service that has it.'),
  nothing_to_roll_back: kind(
    409,
    'There is nothing to go back to',
    'Deploy an image; the list of deployments shows what has run before.',
  ),
  deployment_under_way: kind(
    409,
    'A deployment of the service goes on',
    'Wait until it has ended, or cancel it: what ran before runs on then.',
  ),
  already_finished: kind(
    409,
    'It has finished',
    'Only what still goes on, and has not taken over yet, can be cancelled.',
  ),
  not_finished: kind(409, 'The job has not finished', 'Wait for the job, or cancel its pipeline first.'),
  job_skipped: kind(
    409,
    'The job was skipped',
    'Retry the job that it waited for: what was skipped behind that one is decided again.',
  ),
  pipeline_cancelling: kind(409, 'The pipeline is being cancelled', 'Wait until the pipeline has ended.'),
  not_manual: kind(409, 'The job does not wait for a person', 'Only a job of status manual or delayed can be started.'),
  delivery_reused: kind(
    409,
    'The delivery id was used for another delivery',
    'Send each delivery under an id of its own.',
  ),
  several_variables: kind(
    409,
    'Several variables have this key',
    'Say which one: ?environment_scope= takes the scope that the list shows.',
  ),
  artifact_expired: kind(410, 'The artifact has expired', 'Retry the job to make it again.'),
  snapshot_pruned: kind(410, 'The snapshot was pruned', 'Retry the job to have its steps carried out again.'),
  log_pruned: kind(410, 'The output was pruned', 'Retry the job to have output again; what it did is still told.'),
  payload_too_large: kind(413, 'The body is too large', 'Send at most 5 MiB.'),
  uri_too_long: kind(414, 'The path is too long', 'A part of a path has at most 1,024 characters.'),
  unsupported_media_type: kind(415, 'The content type is not supported', 'Send Content-Type: application/json.'),
  range_not_satisfiable: kind(416, 'The range lies outside', 'Ask for bytes that exist.'),
  invalid_url: kind(422, 'The URL is not accepted', 'Use an https or ssh git URL, or an absolute local path.'),
  invalid_ref: kind(422, 'The ref is not accepted', 'Name a branch, a tag or a full commit id.'),
  invalid_name: kind(422, 'The name is not accepted', 'Use letters, digits, dots, underscores and hyphens.'),
  unknown_ref: kind(422, 'The repository has no such ref', 'Push the branch or tag first, or check its spelling.'),
  repository_unreachable: kind(
    422,
    'The repository does not answer',
    'Check the URL and this server\u2019s access to it.',
  ),
  empty_repository: kind(422, 'The repository is empty', 'Push a first commit.'),
  invalid_variable: kind(422, 'A variable is not accepted', 'See errors for the variable and the rule.'),
  not_maskable: kind(422, 'The value cannot be masked', 'Use one line of at least 8 characters.'),
  limit_reached: kind(422, 'A limit is reached', 'Remove something first.'),
  job_id_taken: kind(422, 'The id is that of another job', 'Submit it under an id of its own.'),
  idempotency_key_reused: kind(422, 'The idempotency key was used for another request', 'Use a new key.'),
  queue_full: kind(429, 'Too many jobs wait already', 'Try again after the time in Retry-After.'),
  too_many_definitions: kind(
    429,
    'Too many definitions are being compiled',
    'Try again after the time in Retry-After.',
  ),
  too_many_deliveries: kind(429, 'Too many deliveries', 'Deliver again after the time in Retry-After.'),
  internal: kind(500, 'Something is broken', 'The server\u2019s log tells more.'),
  unavailable: kind(503, 'Not possible right now', 'Try again after the time in Retry-After.'),
  rebuilding: kind(503, 'The read models are being rebuilt', 'Try again after the time in Retry-After.'),
  read_models_behind: kind(503, 'The read models are behind', 'Try again after the time in Retry-After.'),
};

export const problemKind = (code: string): ProblemKind | undefined =>
  Object.hasOwn(PROBLEMS, code) ? PROBLEMS[code] : undefined;

/** Where this server tells what a code means: of an answer, of a definition's problem or of a failed job. */
export const problemType = (code: string): string => `/docs/problems/${code}`;
