// Uses GitHub's own client library against the origin in GITHUB_URL, with the
// token in GITHUB_TOKEN and the app of GITHUB_APP_ID, and ends with status 1 at
// the first thing that is not as the service does it. It starts nothing itself,
// but for a receiver of webhooks.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { Octokit } from '@octokit/rest';
import { createAppAuth } from '@octokit/auth-app';

const env = (name) => process.env[name] ?? assert.fail(`${name} is not set`);
const baseUrl = env('GITHUB_URL');
const client = new Octokit({ baseUrl, auth: env('GITHUB_TOKEN'), userAgent: 'tenon-check' });
const repo = { owner: 'harbourworks', repo: 'delivery' };

const control = async (method, path, body) => {
  const answer = await fetch(`${baseUrl}/_sandbox/${path}`, { method, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
};

/** Asserts that a call fails with this status and returns the error. */
const refused = async (status, promise) => {
  const error = await promise.then(() => assert.fail(`expected ${status}`), (e) => e);
  assert.equal(error.status, status, error.message ?? error);
  return error;
};

const steps = {
  async 'who am I'() {
    const { data, headers } = await client.rest.users.getAuthenticated();
    assert.equal(data.login, 'tenon-sync');
    assert.match(headers['x-oauth-scopes'], /repo/);
    const { data: limits } = await client.rest.rateLimit.get();
    assert.ok(limits.resources.core.remaining > 0);
  },

  async 'list issues page by page'() {
    const all = await client.paginate(client.rest.issues.listForRepo, { ...repo, state: 'all', per_page: 2 });
    const { data: once } = await client.rest.issues.listForRepo({ ...repo, state: 'all', per_page: 100 });
    assert.deepEqual(all.map((i) => i.number), once.map((i) => i.number));
    assert.equal(all.filter((i) => i.pull_request).length, 1);
    const { data: open } = await client.rest.issues.listForRepo(repo);
    assert.ok(open.length < all.length && open.every((i) => i.state === 'open'));
  },

  async 'create, edit, label, comment and close an issue'() {
    const { data: made, status } = await client.rest.issues.create({ ...repo, title: 'From octokit', body: 'Text', labels: ['bug', 'made by octokit'], assignees: ['tbecker'], milestone: 1 });
    assert.equal(status, 201);
    assert.deepEqual(made.labels.map((l) => l.name), ['bug', 'made by octokit']);
    assert.equal(made.assignees[0].login, 'tbecker');
    const issue = { ...repo, issue_number: made.number };
    const { data: labels } = await client.rest.issues.addLabels({ ...issue, labels: ['crm'] });
    assert.equal(labels.length, 3);
    await client.rest.issues.removeLabel({ ...issue, name: 'bug' });
    await refused(404, client.rest.issues.removeLabel({ ...issue, name: 'bug' }));
    const { data: comment } = await client.rest.issues.createComment({ ...issue, body: 'Said' });
    await client.rest.issues.updateComment({ ...repo, comment_id: comment.id, body: 'Said again' });
    const { data: closed } = await client.rest.issues.update({ ...issue, state: 'closed', state_reason: 'not_planned', milestone: null });
    assert.equal(closed.state_reason, 'not_planned');
    assert.equal(closed.milestone, null);
    const { data: timeline } = await client.rest.issues.listEventsForTimeline(issue);
    assert.deepEqual(new Set(timeline.map((e) => e.event)), new Set(['labeled', 'assigned', 'milestoned', 'unlabeled', 'commented', 'demilestoned', 'closed']));
    await client.rest.issues.deleteComment({ ...repo, comment_id: comment.id });
  },

  async 'labels, milestones and people'() {
    const { data: label } = await client.rest.issues.createLabel({ ...repo, name: 'a/b', color: 'f29513' });
    assert.equal((await client.rest.issues.getLabel({ ...repo, name: 'A/B' })).data.id, label.id);
    const error = await refused(422, client.rest.issues.createLabel({ ...repo, name: 'a/B' }));
    assert.equal(error.response.data.errors[0].code, 'already_exists');
    const { data: stone } = await client.rest.issues.createMilestone({ ...repo, title: 'Go-live', due_on: '2026-10-09T23:39:01Z' });
    assert.match(stone.due_on, /^2026-10-09T/);
    await client.rest.issues.deleteMilestone({ ...repo, milestone_number: stone.number });
    assert.equal((await client.rest.issues.checkUserCanBeAssigned({ ...repo, assignee: 'ada-okafor' })).status, 204);
    await refused(404, client.rest.issues.checkUserCanBeAssigned({ ...repo, assignee: 'passer-by' }));
  },

  async 'sub-issues and types'() {
    const { data: child } = await client.rest.issues.create({ ...repo, title: 'Child', type: 'Task' });
    assert.equal(child.type.name, 'Task');
    await client.rest.issues.addSubIssue({ ...repo, issue_number: 1, sub_issue_id: child.id });
    const { data: subs } = await client.rest.issues.listSubIssues({ ...repo, issue_number: 1 });
    assert.ok(subs.some((i) => i.id === child.id));
    assert.equal((await client.rest.issues.getParent({ ...repo, issue_number: child.number })).data.number, 1);
  },

  async 'unchanged is 304'() {
    const { headers } = await client.rest.issues.get({ ...repo, issue_number: 1 });
    await refused(304, client.rest.issues.get({ ...repo, issue_number: 1, headers: { 'if-none-match': headers.etag } }));
  },

  async 'transferred and deleted'() {
    const { data: moved } = await client.rest.issues.create({ ...repo, title: 'Moved' });
    await control('POST', 'transfer', { repository: 'harbourworks/delivery', number: moved.number, to: 'harbourworks/operations' });
    const { data: there, url } = await client.rest.issues.get({ ...repo, issue_number: moved.number });
    assert.equal(there.title, 'Moved');
    assert.match(url, /operations/);
    const { data: gone } = await client.rest.issues.create({ ...repo, title: 'Gone' });
    await control('POST', 'delete', { repository: 'harbourworks/delivery', number: gone.number });
    await refused(410, client.rest.issues.get({ ...repo, issue_number: gone.number }));
    await refused(404, client.rest.issues.get({ ...repo, issue_number: 99999 }));
  },

  async 'GraphQL'() {
    const { repository } = await client.graphql('query($owner: String!, $repo: String!) { repository(owner: $owner, name: $repo) { issue(number: 1) { title labels(first: 10) { nodes { name } } } } }', repo);
    assert.equal(repository.issue.title, 'Warehouse rollout for Northwind');
    const error = await client.graphql('{ repository(owner: "harbourworks", name: "delivery") { issue(number: 99999) { title } } }').then(() => assert.fail('expected an error'), (e) => e);
    assert.equal(error.errors[0].type, 'NOT_FOUND');
  },

  async 'search'() {
    await control('POST', 'flush');
    const { data } = await client.rest.search.issuesAndPullRequests({ q: 'repo:harbourworks/delivery is:issue in:title warehouse', advanced_search: 'true' });
    assert.equal(data.total_count, 1);
  },

  async 'webhooks'() {
    const got = [];
    const receiver = createServer((req, res) => {
      const parts = [];
      req.on('data', (d) => parts.push(d)).on('end', () => {
        got.push({ headers: req.headers, body: Buffer.concat(parts) });
        res.end();
      });
    });
    await new Promise((done) => receiver.listen(0, '127.0.0.1', done));
    try {
      const url = `http://127.0.0.1:${receiver.address().port}/hook`;
      const { data: hook } = await client.rest.repos.createWebhook({ ...repo, events: ['issues'], config: { url, content_type: 'json', secret: 's3cret' } });
      assert.equal(hook.config.secret, '********');
      await client.rest.issues.create({ ...repo, title: 'Told' });
      await control('POST', 'flush');
      assert.deepEqual(got.map((m) => m.headers['x-github-event']).sort(), ['issues', 'ping']);
      for (const m of got) {
        assert.equal(m.headers['x-hub-signature-256'], `sha256=${createHmac('sha256', 's3cret').update(m.body).digest('hex')}`);
      }
      const { data: deliveries } = await client.rest.repos.listWebhookDeliveries({ ...repo, hook_id: hook.id });
      assert.equal(deliveries.length, 2);
      await client.rest.repos.redeliverWebhookDelivery({ ...repo, hook_id: hook.id, delivery_id: deliveries[0].id });
      await client.rest.repos.deleteWebhook({ ...repo, hook_id: hook.id });
    } finally {
      receiver.close();
    }
  },

  async 'an app'() {
    const auth = { appId: Number(env('GITHUB_APP_ID')), privateKey: env('GITHUB_PRIVATE_KEY') };
    const app = new Octokit({ baseUrl, authStrategy: createAppAuth, auth });
    const { data: installations } = await app.rest.apps.listInstallations();
    const inside = new Octokit({ baseUrl, authStrategy: createAppAuth, auth: { ...auth, installationId: installations[0].id } });
    const { data: made } = await inside.rest.issues.create({ ...repo, title: 'By an app' });
    assert.equal(made.user.type, 'Bot');
    assert.equal((await inside.rest.apps.listReposAccessibleToInstallation()).data.total_count, 2);
  },

  async 'refusals'() {
    const error = await refused(422, client.rest.issues.create({ ...repo, title: '' }));
    assert.deepEqual(error.response.data.errors[0], { resource: 'Issue', field: 'title', code: 'missing_field' });
    await refused(401, new Octokit({ baseUrl, auth: 'wrong' }).rest.users.getAuthenticated());
    await control('POST', 'secondary', {});
    const limited = await refused(403, client.rest.users.getAuthenticated());
    assert.match(limited.response.data.documentation_url, /secondary-rate-limits$/);
  },
};

for (const [name, step] of Object.entries(steps)) {
  try {
    await step();
    console.log(`ok   ${name}`);
  } catch (error) {
    console.error(`FAIL ${name}`);
    console.error(error);
    process.exit(1);
  }
}
