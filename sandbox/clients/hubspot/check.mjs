// Uses HubSpot's own client library against the origin in HUBSPOT_URL, with the
// token in HUBSPOT_TOKEN, and ends with status 1 at the first thing that is not
// as the service does it. It starts nothing itself.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { Client } from '@hubspot/api-client';
import hubspot from '@hubspot/api-client';

const env = (name) => process.env[name] ?? assert.fail(`${name} is not set`);
const basePath = env('HUBSPOT_URL');
const clientId = env('HUBSPOT_CLIENT_ID');
const clientSecret = env('HUBSPOT_CLIENT_SECRET');
const developerApiKey = env('HUBSPOT_DEVELOPER_KEY');
const appId = Number(env('HUBSPOT_APP_ID'));
const client = new Client({ accessToken: env('HUBSPOT_TOKEN'), basePath });
const { crm } = client;

const control = async (method, path, body) => {
  const answer = await fetch(`${basePath}/_sandbox/${path}`, { method, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.status === 204 ? undefined : answer.json();
};
const flush = () => control('POST', 'flush');

/** Asserts that a call fails with this status and returns the error's body. */
const refused = async (status, promise) => {
  const error = await promise.then(() => assert.fail(`expected ${status}`), (e) => e);
  assert.equal(error.code, status, error.message ?? error);
  return error.body;
};

const steps = {
  async 'read deals page by page'() {
    const seen = new Set();
    let after;
    do {
      const page = await crm.deals.basicApi.getPage(15, after, ['dealname', 'amount', 'no_such_property'], undefined, ['companies']);
      for (const deal of page.results) {
        seen.add(deal.id);
        assert.ok(deal.createdAt instanceof Date);
        assert.ok('amount' in deal.properties && !('no_such_property' in deal.properties));
        assert.equal(deal.associations.companies.results[0].type.startsWith('deal_to_company'), true);
      }
      after = page.paging?.next?.after;
    } while (after);
    assert.equal(seen.size, 40);
    assert.equal((await crm.deals.getAll()).length, 40);
  },

  async 'create, read, update and archive a deal'() {
    const made = await crm.deals.basicApi.create({ properties: { dealname: 'From the client', amount: '1200.50', dealstage: 'closedwon' }, associations: [] });
    assert.equal(made.properties.pipeline, 'default');
    assert.equal(made.properties.hs_is_closed_won, 'true');
    const changed = await crm.deals.basicApi.update(made.id, { properties: { closedate: '2026-12-31', amount: '' } });
    assert.equal(changed.properties.closedate, '2026-12-31T00:00:00Z');
    const read = await crm.deals.basicApi.getById(made.id, ['closedate', 'amount'], ['closedate']);
    assert.equal(read.properties.amount, null);
    assert.equal(read.propertiesWithHistory.closedate[0].sourceType, 'INTEGRATION');
    await crm.deals.basicApi.archive(made.id);
    const body = await refused(404, crm.deals.basicApi.getById(made.id));
    assert.equal(body.category, 'OBJECT_NOT_FOUND');
    const gone = await crm.deals.basicApi.getById(made.id, undefined, undefined, undefined, true);
    assert.equal(gone.archived, true);
    assert.ok(gone.archivedAt instanceof Date);
  },

  async 'validation errors'() {
    const body = await refused(400, crm.deals.basicApi.create({ properties: { dealname: 'x', amount: '12,5', nonsense: '1' }, associations: [] }));
    assert.equal(body.category, 'VALIDATION_ERROR');
    assert.deepEqual(body.errors.map((e) => e.code), ['INVALID_INTEGER', 'PROPERTY_DOESNT_EXIST']);
    const problems = JSON.parse(body.message.replace('Property values were not valid: ', ''));
    assert.deepEqual(problems.map((p) => p.name), ['amount', 'nonsense']);
  },

  async 'batches, with partial success'() {
    const made = await crm.companies.batchApi.create({ inputs: [1, 2].map((n) => ({ properties: { name: `Batch ${n}` }, associations: [] })) });
    assert.equal(made.status, 'COMPLETE');
    const ids = made.results.map((r) => ({ id: r.id }));
    const read = await crm.companies.batchApi.read({ inputs: [...ids, { id: '1' }], properties: ['name'], propertiesWithHistory: [] });
    assert.equal(read.results.length, 2);
    assert.equal(read.numErrors, 1);
    assert.deepEqual(read.errors[0].context.ids, ['1']);
    const updated = await crm.companies.batchApi.update({ inputs: ids.map(({ id }) => ({ id, properties: { city: 'Porto' } })) });
    assert.deepEqual(updated.results.map((r) => r.properties.city), ['Porto', 'Porto']);
    await crm.companies.batchApi.archive({ inputs: ids });
    const left = await crm.companies.batchApi.read({ inputs: ids, properties: [], propertiesWithHistory: [] });
    assert.equal(left.results.length, 0);
  },

  async 'a unique property makes upserts idempotent'() {
    await crm.properties.groupsApi.create('deals', { name: 'client_check', label: 'Client check', displayOrder: -1 });
    await crm.properties.coreApi.create('deals', {
      name: 'client_key', label: 'Client key', groupName: 'client_check', type: 'string', fieldType: 'text', hasUniqueValue: true,
    });
    const again = await refused(409, crm.properties.coreApi.create('deals', {
      name: 'client_key', label: 'Client key', groupName: 'client_check', type: 'string', fieldType: 'text', hasUniqueValue: true,
    }));
    assert.equal(again.subCategory, 'Properties.PROPERTY_WITH_NAME_EXISTS');
    const inputs = [{ id: 'key-1', idProperty: 'client_key', properties: { client_key: 'key-1', dealname: 'Upserted' } }];
    let first;
    for (let left = 100; !first; left -= 1) { // a fresh property takes a moment
      try {
        first = await crm.deals.batchApi.upsert({ inputs });
      } catch (error) {
        assert.ok(left > 0 && error.body.errors[0].code === 'PROPERTY_DOESNT_EXIST', error.message);
        await new Promise((resolve) => { setTimeout(resolve, 100); });
      }
    }
    const second = await crm.deals.batchApi.upsert({ inputs });
    assert.equal(first.results[0]._new, true);
    assert.equal(second.results[0]._new, false);
    assert.equal(first.results[0].id, second.results[0].id);
    const found = await crm.deals.basicApi.getById('key-1', undefined, undefined, undefined, false, 'client_key');
    assert.equal(found.id, first.results[0].id);
  },

  async 'search lags, then finds'() {
    const dealname = `Needle ${Date.now()}`;
    const made = await crm.deals.basicApi.create({ properties: { dealname }, associations: [] });
    const request = (sorts) => ({
      filterGroups: [{ filters: [{ propertyName: 'dealname', operator: 'EQ', value: dealname.toUpperCase() }] }], sorts, properties: ['dealname'], limit: 10, after: '0', query: '',
    });
    await flush();
    const hit = await crm.deals.searchApi.doSearch(request(['-createdate']));
    assert.deepEqual([hit.total, hit.results[0].id], [1, made.id]);
    const wide = await crm.deals.searchApi.doSearch({ ...request([{ propertyName: 'amount', direction: 'DESCENDING' }]), filterGroups: [], limit: 5, after: 5 });
    const amounts = wide.results.map((r) => Number(r.properties.amount ?? 0));
    assert.equal(wide.results.length, 5);
    assert.equal(wide.paging.next.after, '10');
    assert.deepEqual(amounts, [...amounts].sort((a, b) => b - a));
    assert.equal((await refused(400, crm.deals.searchApi.doSearch({ ...request([]), after: '9999' }))).category, 'VALIDATION_ERROR');
  },

  async 'files at a note'() {
    const { filesApi } = client.files;
    const content = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 251));
    const upload = (options) => filesApi.upload({ data: content, name: 'offer.pdf' }, undefined, '/client', 'offer.pdf', undefined, options);
    const made = await upload(JSON.stringify({ access: 'PRIVATE' }));
    assert.deepEqual([made.name, made.extension, made.size, made.access], ['offer', 'pdf', content.length, 'PRIVATE']);
    await refused(400, upload(undefined));
    const signed = await filesApi.getSignedUrl(made.id);
    const answer = await fetch(signed.url); // without a token
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(content));
    assert.equal((await fetch(signed.url.replace(/signature=./, 'signature=_'))).status, 403);
    const note = await crm.objects.notes.basicApi.create({
      properties: { hs_timestamp: new Date().toISOString(), hs_note_body: 'offer', hs_attachment_ids: made.id }, associations: [],
    });
    const read = await crm.objects.notes.basicApi.getById(note.id, ['hs_attachment_ids']);
    assert.equal(read.properties.hs_attachment_ids, made.id);
    await filesApi.archive(made.id);
    await refused(404, filesApi.getById(made.id));
  },

  async 'associations, old and new'() {
    const [deal] = (await crm.deals.basicApi.getPage(1, undefined, undefined, undefined, ['contacts'])).results;
    const contact = await crm.contacts.basicApi.create({ properties: { email: `link-${Date.now()}@client.example` }, associations: [] });
    const v4 = crm.associations.v4;
    await v4.basicApi.createDefault('deals', deal.id, 'contacts', contact.id);
    const links = await v4.basicApi.getPage('deals', deal.id, 'contacts');
    assert.ok(links.results.some((l) => String(l.toObjectId) === contact.id && l.associationTypes[0].typeId === 3));
    const labels = await v4.schema.definitionsApi.getAll('deals', 'companies');
    assert.deepEqual(labels.results.map((l) => [l.typeId, l.label ?? null]).sort(), [[341, null], [5, 'Primary']]);
    const pair = await v4.basicApi.create('deals', deal.id, 'contacts', contact.id, [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 3 }]);
    assert.equal(String(pair.toObjectId), contact.id);
    const read = await v4.batchApi.getPage('deals', 'contacts', { inputs: [{ id: deal.id }] });
    assert.ok(read.results[0].to.length >= 1);
    const old = await crm.associations.batchApi.read('contacts', 'deals', { inputs: [{ id: contact.id }] });
    assert.deepEqual(old.results[0].to.map((t) => [t.id, t.type]), [[deal.id, 'contact_to_deal']]);
    await v4.basicApi.archive('deals', deal.id, 'contacts', contact.id);
    const none = await v4.basicApi.getPage('contacts', contact.id, 'deals');
    assert.equal(none.results.length, 0);
  },

  async 'notes belong to deals in one call'() {
    const [deal] = (await crm.deals.basicApi.getPage(1)).results;
    const note = await crm.objects.notes.basicApi.create({
      properties: { hs_timestamp: '2026-03-12T10:00:00Z', hs_note_body: '<p>Hello</p>' },
      associations: [{ to: { id: deal.id }, types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 214 }] }],
    });
    assert.equal(note.properties.hs_body_preview, 'Hello');
    const body = await refused(400, crm.objects.notes.basicApi.create({ properties: { hs_note_body: 'x' }, associations: [] }));
    assert.deepEqual(body.context.properties, ['hs_timestamp']);
  },

  async 'owners, pipelines, properties and schemas'() {
    const owners = await crm.owners.ownersApi.getPage();
    assert.equal(owners.results.length, 5);
    const gone = await crm.owners.ownersApi.getPage(undefined, undefined, 100, true);
    assert.deepEqual([gone.results.length, gone.results[0].userId ?? null], [1, null]);
    const byUser = await crm.owners.ownersApi.getById(owners.results[0].userId, 'userId');
    assert.equal(byUser.id, owners.results[0].id);
    const pipelines = await crm.pipelines.pipelinesApi.getAll('deals');
    assert.ok(pipelines.results[0].stages.some((s) => s.id === 'in_delivery'));
    const inUse = await refused(400, crm.pipelines.pipelineStagesApi.archive('deals', 'default', 'closedwon'));
    assert.equal(inUse.subCategory, 'PipelineError.STAGE_ID_IN_USE');
    const properties = await crm.properties.coreApi.getAll('deals');
    assert.ok(properties.results.find((p) => p.name === 'expected_delivery').modificationMetadata.archivable);
    const schema = await crm.schemas.coreApi.create({
      name: 'client_project', labels: { singular: 'Client project', plural: 'Client projects' }, requiredProperties: ['title'], searchableProperties: ['title'],
      primaryDisplayProperty: 'title', secondaryDisplayProperties: [], associatedObjects: ['DEAL'],
      properties: [{ name: 'title', label: 'Title', type: 'string', fieldType: 'text' }],
    });
    const record = await crm.objects.basicApi.create(schema.objectTypeId, { properties: { title: 'One' }, associations: [] });
    assert.equal((await crm.objects.basicApi.getById(schema.fullyQualifiedName, record.id, ['title'])).properties.title, 'One');
  },

  async 'merge'() {
    const make = (name) => crm.companies.basicApi.create({ properties: { name }, associations: [] });
    const [a, b] = [await make('Merge A'), await make('Merge B')];
    const merged = await crm.companies.publicObjectApi?.merge?.({ primaryObjectId: a.id, objectIdToMerge: b.id })
      ?? await crm.companies.basicApi.merge({ primaryObjectId: a.id, objectIdToMerge: b.id });
    assert.ok(![a.id, b.id].includes(merged.id));
    assert.equal((await crm.companies.basicApi.getById(b.id)).id, merged.id);
  },

  async 'rate limits, scopes and tokens'() {
    await control('POST', 'faults', { kind: 'rate_limit', path: '/crm/v3/owners**', times: 1, retryAfter: 1 });
    const error = await crm.owners.ownersApi.getPage().then(() => assert.fail('expected 429'), (e) => e);
    assert.deepEqual([error.code, error.body.policyName, error.headers['retry-after']], [429, 'TEN_SECONDLY_ROLLING', '1']);
    const { token } = await control('POST', 'token', { scopes: ['crm.objects.deals.read'] });
    const narrow = new Client({ accessToken: token, basePath });
    await narrow.crm.deals.basicApi.getPage(1);
    const body = await refused(403, narrow.crm.companies.basicApi.getPage(1));
    assert.equal(body.category, 'MISSING_SCOPES');
    assert.equal((await refused(401, new Client({ accessToken: 'wrong', basePath }).crm.deals.basicApi.getPage(1))).category, 'INVALID_AUTHENTICATION');
  },

  async 'OAuth'() {
    const redirect = 'http://localhost:3000/back';
    const url = new URL(client.oauth.getAuthorizationUrl(clientId, redirect, 'crm.objects.deals.read', undefined, 'state-1'));
    const page = await fetch(basePath + url.pathname + url.search);
    assert.equal(page.status, 200);
    const form = new URLSearchParams({ client_id: clientId, redirect_uri: redirect, scope: 'crm.objects.deals.read', state: 'state-1', answer: 'connect' });
    const back = await fetch(`${basePath}/oauth/authorize`, { method: 'POST', body: form, redirect: 'manual' });
    const target = new URL(back.headers.get('location'));
    assert.equal(target.searchParams.get('state'), 'state-1');
    const tokens = await client.oauth.tokensApi.create('authorization_code', target.searchParams.get('code'), redirect, clientId, clientSecret);
    assert.equal(tokens.expiresIn, 1800);
    const mine = new Client({ accessToken: tokens.accessToken, basePath });
    await mine.crm.deals.basicApi.getPage(1);
    const info = await mine.oauth.accessTokensApi.get(tokens.accessToken);
    assert.deepEqual(info.scopes, ['crm.objects.deals.read']);
    await control('POST', 'token/expire');
    assert.equal((await refused(401, mine.crm.deals.basicApi.getPage(1))).category, 'EXPIRED_AUTHENTICATION');
    const renewed = await client.oauth.tokensApi.create('refresh_token', undefined, undefined, clientId, clientSecret, tokens.refreshToken);
    mine.setAccessToken(renewed.accessToken);
    await mine.crm.deals.basicApi.getPage(1);
    await refused(400, client.oauth.tokensApi.create('refresh_token', undefined, undefined, clientId, clientSecret, 'wrong'));
  },

  async 'webhooks with signatures that the library accepts'() {
    const requests = [];
    const receiver = createServer((request, response) => {
      const chunks = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        requests.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
        response.end();
      });
    });
    await new Promise((resolve) => { receiver.listen(0, '127.0.0.1', resolve); });
    try {
      const url = `http://127.0.0.1:${receiver.address().port}/hooks/hubspot?a=1`;
      const developer = new Client({ developerApiKey, basePath });
      await developer.webhooks.settingsApi.configure(appId, { targetUrl: url, throttling: { maxConcurrentRequests: 10 } });
      const subscription = await developer.webhooks.subscriptionsApi.create(appId, { eventType: 'deal.propertyChange', propertyName: 'hs_next_step', active: true });
      assert.equal(subscription.active, true);
      const deal = await crm.deals.basicApi.create({ properties: { dealname: 'Watched', hs_next_step: 'call' }, associations: [] });
      await flush();
      const events = requests.flatMap((r) => JSON.parse(r.body)).filter((e) => e.objectId === Number(deal.id));
      const kinds = new Set(events.map((e) => `${e.subscriptionType} ${e.propertyName ?? ''}`.trim()));
      assert.deepEqual([...kinds].sort(), ['deal.creation', 'deal.propertyChange dealname', 'deal.propertyChange hs_next_step']);
      for (const { headers, body } of requests) {
        const signed = (signatureVersion, signature) => hubspot.Signature.isValid({
          signatureVersion, signature, clientSecret, method: 'POST', url, requestBody: body, timestamp: Number(headers['x-hubspot-request-timestamp']),
        });
        assert.equal(signed('v1', headers['x-hubspot-signature']), true);
        assert.equal(signed('v3', headers['x-hubspot-signature-v3']), true);
        assert.equal(signed('v3', headers['x-hubspot-signature-v3'].replace(/^./, '_')), false);
      }
    } finally {
      await control('PUT', 'subscriptions', { targetUrl: '' });
      receiver.closeAllConnections();
      receiver.close();
    }
  },
};

for (const [name, step] of Object.entries(steps)) {
  try {
    await step();
    console.log(`ok    ${name}`);
  } catch (error) {
    console.error(`FAIL  ${name}\n${error.stack ?? error}`);
    if (error.body) console.error(JSON.stringify(error.body, null, 1));
    process.exit(1);
  }
}
