// Runs jira.js, unchanged, against the Jira sandbox. It starts nothing itself:
// the environment names what to call.
//
//   JIRA_URL, JIRA_EMAIL, JIRA_TOKEN    a Cloud site and an API token
//   JIRA_ACCESS, JIRA_CLOUD_ID          an OAuth access token, and its site at the gateway
//   JIRA_FLUSH                          called to let the search index catch up
//   JIRA_WEBHOOKS                       answers the webhook deliveries that were received
//   JIRA_SECRET                         what the webhooks are signed with
//
// It prints one line per check and ends with status 1 if one failed.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createCloudClient, isApiError, isAuthError, isNotFoundError } from 'jira.js';

const env = (name) => {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
};

const host = env('JIRA_URL');
const mismatches = [];
const options = { onSchemaMismatch: (report) => mismatches.push(report) };
const jira = createCloudClient({
  host, auth: { type: 'basic', email: env('JIRA_EMAIL'), apiToken: env('JIRA_TOKEN') }, ...options,
});
const app = createCloudClient({
  host: `${host}/ex/jira/${env('JIRA_CLOUD_ID')}`, auth: { type: 'bearer', token: env('JIRA_ACCESS') }, ...options,
});
const stranger = createCloudClient({
  host, auth: { type: 'basic', email: env('JIRA_EMAIL'), apiToken: 'wrong' }, ...options,
});

let failed = 0;
async function check(name, body) {
  try {
    await body();
    console.log(`ok    ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}: ${error?.stack ?? error}${error?.body ? `\n${JSON.stringify(error.body)}` : ''}`);
  }
}

// refused runs a call that has to fail, and gives the error.
async function refused(call) {
  try {
    await call();
  } catch (error) {
    assert.ok(isApiError(error), String(error));
    return error;
  }
  assert.fail('the call succeeded');
}

const flush = () => fetch(env('JIRA_FLUSH'), { method: 'POST' });
const doc = (text) => ({ type: 'doc', version: 1, content: [{ type: 'paragraph', content: [{ type: 'text', text }] }] });
const text = (node) => node.text ?? (node.content ?? []).map(text).join('');

let issue;
let epic;

await check('server and caller', async () => {
  assert.equal((await jira.serverInfo.getServerInfo()).deploymentType, 'Cloud');
  const me = await jira.myself.getCurrentUser();
  assert.equal(me.emailAddress, env('JIRA_EMAIL'));
  assert.ok(me.timeZone);
  assert.equal((await app.myself.getCurrentUser()).accountId, me.accountId);
});

await check('projects, types, statuses', async () => {
  const page = await jira.projects.searchProjects({ maxResults: 1 });
  assert.equal(page.total, 2);
  assert.equal(page.isLast, false);
  const project = await jira.projects.getProject({ projectIdOrKey: 'DELIV' });
  assert.deepEqual(project.issueTypes.map((t) => t.name).sort(), ['Bug', 'Epic', 'Story', 'Sub-task', 'Task']);
  const statuses = await jira.projects.getAllStatuses({ projectIdOrKey: 'DELIV' });
  assert.deepEqual(statuses[0].statuses.map((s) => s.name), ['To Do', 'In Progress', 'In Review', 'Done']);
});

await check('field metadata', async () => {
  const fields = await jira.issueFields.getFields();
  assert.equal(fields.find((f) => f.name === 'Budget').schema.type, 'number');
  const types = await jira.issues.getCreateIssueMetaIssueTypes({ projectIdOrKey: 'DELIV' });
  const task = (types.issueTypes ?? types.createMetaIssueType).find((t) => t.name === 'Task');
  const meta = await jira.issues.getCreateIssueMetaIssueTypeId({ projectIdOrKey: 'DELIV', issueTypeId: task.id, maxResults: 200 });
  assert.ok((meta.fields ?? meta.results).some((f) => f.fieldId === 'summary' && f.required));
  const refusal = await refused(() => jira.issues.getCreateIssueMetaIssueTypeId({ projectIdOrKey: 'DELIV', issueTypeId: task.id, maxResults: 201 }));
  assert.equal(refusal.status, 400);
});

await check('create an epic and a child', async () => {
  epic = await jira.issues.createIssue({ fields: { project: { key: 'DELIV' }, issuetype: { name: 'Epic' }, summary: 'An epic by jira.js' } });
  issue = await jira.issues.createIssue({
    fields: {
      project: { key: 'DELIV' }, issuetype: { name: 'Task' }, summary: 'A task by jira.js', description: doc('First line'),
      labels: ['jira-js'], parent: { key: epic.key },
    },
    properties: [{ key: 'tenon.link', value: { uuid: 'b6f1' } }],
  });
  const got = await jira.issues.getIssue({ issueIdOrKey: issue.key, fields: ['summary', 'description', 'parent'], properties: ['tenon.link'] });
  assert.equal(got.fields.parent.key, epic.key);
  assert.equal(text(got.fields.description), 'First line');
  assert.deepEqual(got.properties['tenon.link'], { uuid: 'b6f1' });
});

await check('validation errors', async () => {
  const error = await refused(() => jira.issues.createIssue({
    fields: { project: { key: 'DELIV' }, issuetype: { name: 'Task' }, summary: 'x\ny', labels: ['two words'], customfield_99999: 1 },
  }));
  assert.equal(error.status, 400);
  assert.deepEqual(Object.keys(error.body.errors).sort(), ['customfield_99999', 'labels', 'summary']);
  const missing = await refused(() => jira.issues.getIssue({ issueIdOrKey: 'DELIV-99999' }));
  assert.ok(isNotFoundError(missing));
});

await check('edit', async () => {
  await jira.issues.editIssue({ issueIdOrKey: issue.key, fields: { summary: 'Renamed' }, update: { labels: [{ add: 'second' }, { remove: 'jira-js' }] } });
  const got = await jira.issues.getIssue({ issueIdOrKey: issue.id });
  assert.equal(got.fields.summary, 'Renamed');
  assert.deepEqual(got.fields.labels, ['second']);
  const log = await jira.issues.getChangeLogs({ issueIdOrKey: issue.key });
  assert.deepEqual(log.values[0].items.map((i) => i.field).sort(), ['labels', 'summary']);
  const bulk = await jira.issues.getBulkChangelogs({ issueIdsOrKeys: [issue.key] });
  assert.equal(bulk.issueChangeLogs[0].issueId, issue.id);
});

await check('transitions', async () => {
  const names = async () => (await jira.issues.getTransitions({ issueIdOrKey: issue.key })).transitions.map((t) => t.to.name);
  assert.deepEqual(await names(), ['In Progress']);
  for (const status of ['In Progress', 'In Review']) {
    const { transitions } = await jira.issues.getTransitions({ issueIdOrKey: issue.key });
    await jira.issues.doTransition({ issueIdOrKey: issue.key, transition: { id: transitions.find((t) => t.to.name === status).id } });
  }
  const { transitions } = await jira.issues.getTransitions({ issueIdOrKey: issue.key, expand: 'transitions.fields' });
  const done = transitions.find((t) => t.to.name === 'Done');
  assert.equal(done.fields.resolution.required, true);
  const error = await refused(() => jira.issues.doTransition({ issueIdOrKey: issue.key, transition: { id: done.id } }));
  assert.equal(error.status, 400);
  await jira.issues.doTransition({ issueIdOrKey: issue.key, transition: { id: done.id }, fields: { resolution: { name: 'Done' } } });
  assert.equal((await jira.issues.getIssue({ issueIdOrKey: issue.key })).fields.status.name, 'Done');
});

await check('bulk create with partial failure', async () => {
  const result = await jira.issues.createIssues({
    issueUpdates: [1, 2, 3].map((n) => ({
      fields: { project: { key: n === 2 ? 'NONE' : 'DELIV' }, issuetype: { name: 'Task' }, summary: `Bulk ${n}`, labels: ['bulk'] },
    })),
  });
  assert.equal(result.issues.length, 2);
  assert.equal(result.errors[0].failedElementNumber, 1);
  const fetched = await jira.issues.bulkFetchIssues({ issueIdsOrKeys: [...result.issues.map((i) => i.key), 'DELIV-99999'], fields: ['summary'] });
  assert.equal(fetched.issues.length, 2);
});

await check('search', async () => {
  const search = (more) => jira.issueSearch.searchAndReconsileIssuesUsingJqlPost({ jql: 'labels = bulk ORDER BY key', ...more });
  assert.equal((await search()).issues.length, 0, 'the index does not lag');
  await flush();
  const first = await search({ maxResults: 1, fields: ['summary'] });
  assert.equal(first.issues[0].fields.summary, 'Bulk 1');
  assert.equal(first.isLast, false);
  const second = await search({ maxResults: 1, fields: ['summary'], nextPageToken: first.nextPageToken });
  assert.equal(second.issues[0].fields.summary, 'Bulk 3');
  assert.equal(second.nextPageToken, undefined);
  const byGet = await jira.issueSearch.searchAndReconsileIssuesUsingJql({ jql: 'labels = bulk', fields: ['summary', 'status'] });
  assert.equal(byGet.issues.length, 2);
  assert.equal((await jira.issueSearch.countIssues({ jql: 'labels = bulk' })).count, 2);
  assert.equal((await refused(() => search({ jql: 'order by key' }))).status, 400);
  assert.equal((await refused(() => search({ jql: 'nonsense = 1' }))).status, 400);
});

await check('the old search is gone', async () => {
  const response = await fetch(`${host}/rest/api/3/search?jql=project=DELIV`);
  assert.equal(response.status, 410);
});

await check('wrong token: silence, then 401', async () => {
  const result = await stranger.issueSearch.searchAndReconsileIssuesUsingJql({ jql: 'project = DELIV' });
  assert.equal(result.issues.length, 0);
  assert.ok(isAuthError(await refused(() => stranger.myself.getCurrentUser())));
});

await check('comments', async () => {
  const plain = await jira.issueComments.addComment({ issueIdOrKey: issue.key, body: 'In *wiki* text' });
  assert.equal(text(plain.body), 'In wiki text');
  const rich = await jira.issueComments.addComment({ issueIdOrKey: issue.key, body: doc('A document'), properties: [{ key: 'tenon.link', value: { id: 1 } }] });
  await jira.issueComments.updateComment({ issueIdOrKey: issue.key, id: rich.id, body: { body: doc('Another document') } });
  const list = await jira.issueComments.getComments({ issueIdOrKey: issue.key, orderBy: '-created' });
  assert.equal(text(list.comments[0].body), 'Another document');
  await jira.issueComments.deleteComment({ issueIdOrKey: issue.key, id: plain.id });
  assert.equal((await jira.issueComments.getComments({ issueIdOrKey: issue.key })).total, 1);
});

await check('entity properties', async () => {
  await jira.issueProperties.setIssueProperty({ issueIdOrKey: issue.key, propertyKey: 'tenon.note', body: { a: 1 } });
  const keys = await jira.issueProperties.getIssuePropertyKeys({ issueIdOrKey: issue.key });
  assert.deepEqual(keys.keys.map((k) => k.key), ['tenon.link', 'tenon.note']);
  await jira.issueProperties.deleteIssueProperty({ issueIdOrKey: issue.key, propertyKey: 'tenon.note' });
});

await check('links and remote links', async () => {
  await jira.issueLinks.linkIssues({ type: { name: 'Blocks' }, inwardIssue: { key: epic.key }, outwardIssue: { key: issue.key } });
  const got = await jira.issues.getIssue({ issueIdOrKey: issue.key, fields: ['issuelinks'] });
  assert.equal(got.fields.issuelinks[0].inwardIssue.key, epic.key);
  const remote = { issueIdOrKey: issue.key, globalId: 'crm=1', object: { url: 'https://crm.example/1', title: 'Deal 1' } };
  const made = await jira.issueRemoteLinks.createOrUpdateRemoteIssueLink(remote);
  const again = await jira.issueRemoteLinks.createOrUpdateRemoteIssueLink(remote);
  assert.equal(made.id, again.id);
  await jira.issueRemoteLinks.deleteRemoteIssueLinkByGlobalId({ issueIdOrKey: issue.key, globalId: 'crm=1' });
});

await check('attachments', async () => {
  const added = await jira.issueAttachments.addAttachment({ issueIdOrKey: issue.key, attachments: { filename: 'note.txt', content: Buffer.from('hello') } });
  assert.equal(added[0].filename, 'note.txt');
  const response = await fetch(added[0].content, { headers: { Authorization: `Basic ${btoa(`${env('JIRA_EMAIL')}:${env('JIRA_TOKEN')}`)}` } });
  assert.equal(await response.text(), 'hello');
  assert.ok(response.redirected);
});

await check('users and privacy', async () => {
  const [ada] = await jira.userSearch.findUsers({ query: 'ada.okafor@harbourworks.example' });
  assert.equal(ada.emailAddress, 'ada.okafor@harbourworks.example');
  const [mei] = await jira.userSearch.findUsers({ query: 'mei.tanaka@harbourworks.example' });
  assert.equal(mei.displayName, 'Mei Tanaka');
  assert.equal(mei.emailAddress, undefined);
  assert.deepEqual(await jira.userSearch.findUsers({ query: 'ines.moreau@harbourworks.example' }), []);
  const assignable = await jira.userSearch.findAssignableUsers({ project: 'DELIV', query: 'rosa' });
  await jira.issues.assignIssue({ issueIdOrKey: issue.key, accountId: assignable[0].accountId });
});

await check('dynamic webhooks', async () => {
  assert.equal((await refused(() => jira.webhooks.getDynamicWebhooksForApp())).status, 403);
  const registered = await app.webhooks.registerDynamicWebhooks({
    url: 'https://app.example/hook',
    webhooks: [{ events: ['jira:issue_updated'], jqlFilter: 'project = DELIV' }, { events: ['jira:issue_updated'], jqlFilter: 'watchCount > 3' }],
  });
  const [made, wrong] = registered.webhookRegistrationResult;
  assert.match(wrong.errors[0], /watchCount is unsupported/);
  assert.equal((await app.webhooks.getDynamicWebhooksForApp()).values[0].id, made.createdWebhookId);
  await app.webhooks.refreshWebhooks({ webhookIds: [made.createdWebhookId] });
  await app.webhooks.deleteWebhookById({ webhookIds: [made.createdWebhookId] });
});

await check('bulk operations', async () => {
  await flush();
  const { issues } = await jira.issueSearch.searchAndReconsileIssuesUsingJql({ jql: 'labels = bulk' });
  const { taskId } = await jira.issueBulkOperations.submitBulkDelete({ selectedIssueIdsOrKeys: issues.map((i) => i.id) });
  const task = await jira.issueBulkOperations.getBulkOperationProgress({ taskId });
  assert.equal(task.totalIssueCount, 2);
});

await check('delete', async () => {
  await jira.issues.deleteIssue({ issueIdOrKey: epic.key });
  await jira.issues.deleteIssue({ issueIdOrKey: issue.key });
  assert.ok(isNotFoundError(await refused(() => jira.issues.getIssue({ issueIdOrKey: issue.id }))));
});

await check('webhook signatures', async () => {
  await flush();
  const deliveries = await (await fetch(env('JIRA_WEBHOOKS'))).json();
  assert.ok(deliveries.length > 0, 'no deliveries');
  for (const d of deliveries) {
    const body = Buffer.from(d.body, 'base64');
    assert.equal(d.signature, `sha256=${createHmac('sha256', env('JIRA_SECRET')).update(body).digest('hex')}`);
  }
  const events = new Set(deliveries.map((d) => JSON.parse(Buffer.from(d.body, 'base64')).webhookEvent));
  for (const event of ['jira:issue_created', 'jira:issue_updated', 'jira:issue_deleted', 'comment_created', 'comment_deleted']) {
    assert.ok(events.has(event), `no ${event}`);
  }
});

await check('every answer fits the schemas of jira.js', async () => {
  assert.deepEqual(mismatches, []);
});

process.exit(failed === 0 ? 0 : 1);
