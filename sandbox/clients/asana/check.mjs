// Runs Asana's own client library, unchanged, against the Asana sandbox. It
// starts nothing itself: the environment names what to call.
//
//   ASANA_URL         the sandbox's origin
//   ASANA_TOKEN       a personal access token
//   ASANA_APP_TOKEN   an access token of an OAuth app
//   ASANA_PROJECT     the name of a project
//
// It prints one line per check and ends with status 1 if one failed.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createHmac } from 'node:crypto';
import Asana from 'asana';

const env = (name) => {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
};

function clientOf(token) {
  const client = new Asana.ApiClient();
  client.basePath = `${env('ASANA_URL')}/api/1.0`;
  client.authentications.token.accessToken = token;
  return client;
}

const client = clientOf(env('ASANA_TOKEN'));
const app = clientOf(env('ASANA_APP_TOKEN'));
const users = new Asana.UsersApi(client);
const tasks = new Asana.TasksApi(client);
const projects = new Asana.ProjectsApi(client);
const sections = new Asana.SectionsApi(client);
const stories = new Asana.StoriesApi(client);
const fields = new Asana.CustomFieldSettingsApi(client);
const tags = new Asana.TagsApi(client);
const events = new Asana.EventsApi(client);
const batches = new Asana.BatchAPIApi(client);
const webhooks = new Asana.WebhooksApi(client);
const templates = new Asana.ProjectTemplatesApi(client);
const jobs = new Asana.JobsApi(client);
const typeahead = new Asana.TypeaheadApi(client);

let failed = 0;
async function check(name, body) {
  try {
    await body();
    console.log(`ok    ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}: ${error?.stack ?? error}${error?.response ? `\n${error.response.status} ${JSON.stringify(error.response.body)}` : ''}`);
  }
}

// refused runs a call that has to fail, and gives the answer.
async function refused(status, call) {
  try {
    await call();
  } catch (error) {
    assert.equal(error?.response?.status, status, String(error));
    return error.response.body;
  }
  assert.fail('the call succeeded');
}

let workspace; let project; let task;

await check('who am I', async () => {
  const me = (await users.getUser('me', {})).data;
  workspace = me.workspaces[0].gid;
  assert.match(me.email, /@/);
});

await check('a wrong token is refused', async () => {
  const body = await refused(401, () => new Asana.UsersApi(clientOf('wrong')).getUser('me', {}));
  assert.equal(body.errors[0].message, 'Not Authorized');
});

await check('projects, by pages', async () => {
  let page = await projects.getProjects({ workspace, limit: 1 });
  const names = [];
  while (page.data) {
    names.push(...page.data.map((p) => p.name));
    project = page.data.find((p) => p.name === env('ASANA_PROJECT'))?.gid ?? project;
    page = await page.nextPage();
  }
  assert.ok(names.length > 1 && project, names.join());
});

let columns; let defined;
await check('sections and custom fields', async () => {
  columns = (await sections.getSectionsForProject(project, {})).data;
  defined = (await fields.getCustomFieldSettingsForProject(project, { limit: 50, opt_fields: 'custom_field.name,custom_field.resource_subtype,custom_field.enum_options.name' })).data
    .map((s) => s.custom_field);
  assert.deepEqual(columns.map((c) => c.name), ['To Do', 'In Progress', 'Done']);
  assert.ok(defined.find((f) => f.name === 'Priority').enum_options.length === 3);
});
const field = (name) => defined.find((f) => f.name === name);

await check('a task with fields, and a section', async () => {
  const priority = field('Priority');
  const made = await tasks.createTask({
    data: {
      name: 'Made by the client', memberships: [{ project, section: columns[1].gid }], due_on: '2026-05-01', html_notes: '<body>Some <strong>bold</strong> words</body>',
      custom_fields: { [field('Budget').gid]: 12.5, [priority.gid]: priority.enum_options[0].gid },
    },
  }, { opt_fields: 'name,memberships.section.name,custom_fields.name,custom_fields.display_value,notes' });
  task = made.data.gid;
  assert.equal(made.data.memberships[0].section.name, 'In Progress');
  assert.equal(made.data.notes, 'Some bold words');
  assert.equal(made.data.custom_fields.find((f) => f.name === 'Priority').display_value, 'High');
});

await check('a bad task is refused', async () => {
  const body = await refused(400, () => tasks.updateTask({ data: { html_notes: '<body><p>x</p></body>' } }, task, {}));
  assert.match(body.errors[0].message, /XML is invalid/);
  await refused(404, () => tasks.getTask('1', {}));
});

await check('edit, move, tag, subtask, comment', async () => {
  await tasks.updateTask({ data: { completed: true } }, task, {});
  await tasks.addProjectForTask({ data: { project, section: columns[2].gid } }, task);
  const tag = (await tags.createTag({ data: { workspace, name: 'client' } }, {})).data;
  await tasks.addTagForTask({ data: { tag: tag.gid } }, task);
  await tasks.createSubtaskForTask({ data: { name: 'Below' } }, task, {});
  await stories.createStoryForTask({ data: { text: 'Well done' } }, task, {});
  const now = (await tasks.getTask(task, { opt_fields: 'completed,tags.name,num_subtasks,memberships.section.name' })).data;
  assert.deepEqual([now.completed, now.tags[0].name, now.num_subtasks, now.memberships[0].section.name], [true, 'client', 1, 'Done']);
  const noted = (await stories.getStoriesForTask(task, { limit: 50 })).data;
  assert.ok(noted.some((s) => s.resource_subtype === 'comment_added' && s.text === 'Well done'));
  assert.ok(noted.some((s) => s.resource_subtype === 'section_changed'));
});

await check('external data of an app', async () => {
  const mine = new Asana.TasksApi(app);
  const made = (await mine.createTask({ data: { name: 'External', workspace, external: { gid: 'client-1' } } }, {})).data;
  assert.equal((await mine.getTask('external:client-1', {})).data.gid, made.gid);
  await refused(404, () => tasks.getTask('external:client-1', {}));
});

await check('a batch', async () => {
  const answer = (await batches.createBatchRequest({
    data: { actions: [{ method: 'get', relative_path: `/tasks/${task}`, options: { fields: ['name'] } }, { method: 'get', relative_path: '/tasks/1' }] },
  }, {})).data;
  assert.deepEqual(answer.map((a) => a.status_code), [200, 404]);
  assert.equal(answer[0].body.data.name, 'Made by the client');
});

await check('events begin with 412', async () => {
  const body = await refused(412, () => events.getEvents(project, {}));
  assert.ok(body.sync);
  await tasks.updateTask({ data: { name: 'Renamed' } }, task, {});
  await fetch(`${env('ASANA_URL')}/_sandbox/flush`, { method: 'POST' });
  const page = await events.getEvents(project, { sync: body.sync });
  assert.ok(page.data.some((e) => e.resource.gid === task && e.change?.field === 'name'));
});

await check('quick find', async () => {
  const found = (await typeahead.typeaheadForWorkspace(workspace, 'user', { query: 'ada', count: 5 })).data;
  assert.equal(found[0].name, 'Ada Okafor');
});

await check('a project of a template, by a job', async () => {
  const template = (await templates.getProjectTemplates({ workspace })).data[0];
  let job = (await templates.instantiateProject(template.gid, { body: { data: { name: 'From a template' } } })).data;
  await fetch(`${env('ASANA_URL')}/_sandbox/flush`, { method: 'POST' });
  job = (await jobs.getJob(job.gid, {})).data;
  assert.equal(job.status, 'succeeded');
  assert.equal(job.new_project.name, 'From a template');
});

await check('a webhook with its handshake', async () => {
  let secret; const got = [];
  const server = createServer((req, res) => {
    let body = '';
    req.on('data', (part) => { body += part; });
    req.on('end', () => {
      if (req.headers['x-hook-secret']) {
        secret = req.headers['x-hook-secret'];
        res.setHeader('X-Hook-Secret', secret);
      } else {
        got.push({ body, signature: req.headers['x-hook-signature'] });
      }
      res.end();
    });
  });
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  try {
    const target = `http://127.0.0.1:${server.address().port}/`;
    await webhooks.createWebhook({ data: { resource: project, target } }, {});
    assert.ok(secret);
    await refused(403, () => webhooks.createWebhook({ data: { resource: project, target } }, {}));
    await tasks.updateTask({ data: { name: 'Told by webhook' } }, task, {});
    await fetch(`${env('ASANA_URL')}/_sandbox/flush`, { method: 'POST' });
    assert.ok(got.some((d) => d.body.includes(task)), JSON.stringify(got));
    for (const d of got) assert.equal(d.signature, createHmac('sha256', secret).update(d.body).digest('hex'));
    for (const hook of (await webhooks.getWebhooks(workspace, {})).data) await webhooks.deleteWebhook(hook.gid);
  } finally {
    server.close();
  }
});

await check('a task is deleted', async () => {
  await tasks.deleteTask(task);
  await refused(404, () => tasks.getTask(task, {}));
});

process.exit(failed ? 1 : 0);
