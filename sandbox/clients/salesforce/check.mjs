// Uses jsforce against the origin in SALESFORCE_URL, with the credentials in the
// environment, and ends with status 1 at the first thing that is not as the
// service does it. It starts nothing itself.
import assert from 'node:assert/strict';
import { createSign } from 'node:crypto';
import jsforce from 'jsforce';

const env = (name) => process.env[name] ?? assert.fail(`${name} is not set`);
const loginUrl = env('SALESFORCE_URL');
const clientId = env('SALESFORCE_CLIENT_ID');
const clientSecret = env('SALESFORCE_CLIENT_SECRET');
const version = '66.0';

const oauth2 = { loginUrl, clientId, clientSecret, redirectUri: `${loginUrl}/callback` };
const conn = new jsforce.Connection({
  oauth2, version, instanceUrl: loginUrl, refreshToken: env('SALESFORCE_REFRESH_TOKEN'), callOptions: { client: 'jsforce-check' },
});

const control = async (path, body = {}) => {
  const answer = await fetch(`${loginUrl}/_sandbox/${path}`, { method: 'POST', body: JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
};

/** Asserts that a call fails with this code and returns the error. */
const refused = async (code, promise) => {
  const error = await promise.then(() => assert.fail(`expected ${code}`), (e) => e);
  assert.equal(error.errorCode ?? error.name, code, String(error));
  return error;
};

const deal = (name, more = {}) => ({ Name: name, StageName: 'Prospecting', CloseDate: '2026-12-31', ...more });

const steps = {
  async 'log in by refresh token and tell who is connected'() {
    const me = await conn.identity();
    assert.equal(me.username, env('SALESFORCE_USERNAME'));
    assert.equal(me.organization_id.length, 18);
    assert.equal(conn.instanceUrl, loginUrl);
    const info = await conn.request(`${loginUrl}/services/oauth2/userinfo`);
    assert.equal(info.organization_id, me.organization_id);
  },

  async 'log in by JWT and by client credentials'() {
    const part = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');
    const unsigned = `${part({ alg: 'RS256' })}.${part({
      iss: clientId, sub: env('SALESFORCE_USERNAME'), aud: 'https://login.salesforce.com', exp: Math.floor(Date.now() / 1000) + 120,
    })}`;
    const signature = createSign('RSA-SHA256').update(unsigned).sign(env('SALESFORCE_PRIVATE_KEY'), 'base64url');
    const byJWT = new jsforce.Connection({ loginUrl, version, oauth2: { loginUrl } });
    await byJWT.authorize({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: `${unsigned}.${signature}` });
    assert.equal((await byJWT.query('SELECT COUNT() FROM Account')).totalSize, 12);

    const byClient = new jsforce.Connection({ loginUrl, version, oauth2: { loginUrl, clientId, clientSecret } });
    await byClient.authorize({ grant_type: 'client_credentials' });
    assert.ok((await byClient.limits()).DailyApiRequests.Max > 0);
    await refused('invalid_grant', new jsforce.Connection({ loginUrl, version, oauth2: { loginUrl } }).authorize({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: `${unsigned}.${signature.slice(0, -6)}AAAAAA`,
    }));
  },

  async 'describe'() {
    const all = await conn.describeGlobal();
    assert.ok(all.sobjects.some((o) => o.name === 'Project__c' && o.custom));
    const opportunity = await conn.sobject('Opportunity').describe();
    const field = (name) => opportunity.fields.find((f) => f.name === name) ?? assert.fail(name);
    assert.deepEqual([field('StageName').type, field('StageName').nillable, field('StageName').restrictedPicklist], ['picklist', false, true]);
    assert.deepEqual([field('Amount').type, field('Amount').precision, field('Amount').scale], ['currency', 18, 2]);
    assert.deepEqual([field('Tenon_Key__c').unique, field('Tenon_Key__c').externalId, field('Tenon_Key__c').idLookup], [true, true, true]);
    assert.deepEqual(field('OwnerId').referenceTo, ['User']);
    assert.ok(opportunity.childRelationships.some((c) => c.relationshipName === 'OpportunityContactRoles'));
    await refused('NOT_FOUND', conn.sobject('Oportunity').describe());
  },

  async 'create, read, update, upsert and delete one record'() {
    const made = await conn.sobject('Opportunity').create(deal('From jsforce', { Amount: 1200.5 }));
    assert.ok(made.success && made.id.length === 18);
    const read = await conn.sobject('Opportunity').retrieve(made.id);
    assert.deepEqual([read.Amount, read.Probability, read.IsWon, read.attributes.type], [1200.5, 10, false, 'Opportunity']);
    assert.match(read.SystemModstamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000$/);
    const changed = await conn.sobject('Opportunity').update({ Id: made.id, StageName: 'Closed Won', Amount: null });
    assert.ok(changed.success);
    assert.deepEqual((await conn.sobject('Opportunity').retrieve(made.id)).IsWon, true);
    const key = { Tenon_Key__c: 'jsforce-1', ...deal('Upserted') };
    const first = await conn.sobject('Opportunity').upsert(key, 'Tenon_Key__c');
    const again = await conn.sobject('Opportunity').upsert({ ...key, Name: 'Upserted again' }, 'Tenon_Key__c');
    assert.deepEqual([first.created, again.created, first.id], [true, false, again.id]);
    assert.ok((await conn.sobject('Opportunity').destroy(made.id)).success);
    await refused('ENTITY_IS_DELETED', conn.sobject('Opportunity').destroy(made.id));
  },

  async 'write and read collections with partial failure'() {
    const made = await conn.sobject('Opportunity').create([deal('One'), { Name: 'Two' }, deal('Three', { StageName: 'Nonsense' })], { allOrNone: false });
    assert.deepEqual(made.map((r) => r.success), [true, false, false]);
    assert.deepEqual(made.slice(1).map((r) => r.errors[0].statusCode), ['REQUIRED_FIELD_MISSING', 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST']);
    const none = await conn.sobject('Opportunity').create([deal('Four'), { Name: 'Five' }], { allOrNone: true });
    assert.equal(none[0].errors[0].statusCode, 'ALL_OR_NONE_OPERATION_ROLLED_BACK');
    const id = made[0].id;
    const updated = await conn.sobject('Opportunity').update([{ Id: id, NextStep: 'Call' }, { Id: '006000000000000AAA', NextStep: 'x' }]);
    assert.deepEqual(updated.map((r) => r.success), [true, false]);
    assert.equal(updated[1].errors[0].statusCode, 'INVALID_CROSS_REFERENCE_KEY');
    const read = await conn.sobject('Opportunity').retrieve([id, '006000000000000AAA'], { fields: ['Id', 'NextStep'] });
    assert.deepEqual([read[0].NextStep, read[1]], ['Call', null]);
    const upserted = await conn.sobject('Contact').upsert([{ Tenon_Key__c: 'c-1', LastName: 'A' }, { Tenon_Key__c: 'c-2', LastName: 'B' }], 'Tenon_Key__c');
    assert.deepEqual(upserted.map((r) => r.created), [true, true]);
    const gone = await conn.sobject('Contact').destroy(upserted.map((r) => r.id));
    assert.ok(gone.every((r) => r.success));
  },

  async 'query with parents, children, pages and aggregates'() {
    const rows = await conn.query("SELECT Id, Name, Account.Name, Owner.Email, (SELECT ContactId, Contact.Email FROM OpportunityContactRoles) FROM Opportunity WHERE StageName IN ('Closed Won','Closed Lost') AND Amount > 0 ORDER BY CloseDate DESC NULLS LAST LIMIT 5");
    assert.equal(rows.records.length, 5);
    assert.match(rows.records[0].Owner.Email, /@/);
    assert.match(rows.records[0].OpportunityContactRoles.records[0].Contact.Email, /@/);
    const grouped = await conn.query('SELECT StageName, COUNT(Id) n, SUM(Amount) total FROM Opportunity GROUP BY StageName');
    assert.ok(grouped.records.every((r) => r.n > 0));
    const many = Array.from({ length: 450 }, (_, i) => ({ LastName: `Page ${i}` }));
    await conn.sobject('Contact').create(many, { allOrNone: true, allowRecursive: true });
    const seen = [];
    let page = await conn.query("SELECT Id, LastName FROM Contact WHERE LastName LIKE 'Page %' ORDER BY Id", { headers: { 'Sforce-Query-Options': 'batchSize=200' } });
    assert.equal(page.totalSize, 450);
    for (;;) {
      seen.push(...page.records.map((r) => r.Id));
      if (page.done) break;
      page = await conn.queryMore(page.nextRecordsUrl);
    }
    assert.equal(new Set(seen).size, 450);
    const found = await conn.sobject('Contact').find({ LastName: { $like: 'Page 44%' } }, ['Id', 'LastName']).sort('LastName').execute();
    assert.equal(found.length, 11);
    await refused('INVALID_FIELD', conn.query('SELECT Nonsense FROM Contact'));
    await refused('MALFORMED_QUERY', conn.query("SELECT Id FROM Contact WHERE LastName = 'a' AND LastName = 'b' OR LastName = 'c'"));
    const search = await conn.search('FIND {Alpenglow} IN ALL FIELDS RETURNING Account(Id, Name)');
    assert.equal(search.searchRecords[0].Name, 'Alpenglow Outdoor');
  },

  async 'bulk 2.0: ingest and query'() {
    conn.bulk2.pollInterval = 10;
    conn.bulk2.pollTimeout = 60_000;
    const results = await conn.bulk2.loadAndWaitForResults({
      object: 'Contact', operation: 'insert', input: [{ LastName: 'Bulk 1', Email: 'one@bulk.example' }, { LastName: 'Bulk 2', Email: 'not an address' }],
    });
    assert.equal(results.successfulResults.length, 1);
    assert.equal(results.successfulResults[0].sf__Created, 'true');
    assert.match(results.failedResults[0].sf__Error, /^INVALID_EMAIL_ADDRESS:/);
    const stream = await conn.bulk2.query("SELECT Id, LastName, Account.Name FROM Contact WHERE LastName LIKE 'Page %'");
    const rows = await stream.toArray();
    assert.equal(rows.length, 450);
  },

  async 'updated and deleted'() {
    const made = await conn.sobject('Lead').create({ LastName: 'Gone', Company: 'Gone Ltd' });
    await conn.sobject('Lead').destroy(made.id);
    const from = new Date(Date.now() - 3_600_000).toISOString();
    const to = new Date(Date.now() + 3_600_000).toISOString();
    const deleted = await conn.sobject('Lead').deleted(from, to);
    assert.ok(deleted.deletedRecords.some((r) => r.id === made.id));
    const updated = await conn.sobject('Contact').updated(from, to);
    assert.ok(updated.ids.length >= 450);
  },

  async 'composite with references'() {
    const answer = await conn.requestPost(`/services/data/v${version}/composite`, {
      allOrNone: true,
      compositeRequest: [
        { method: 'POST', url: `/services/data/v${version}/sobjects/Account`, referenceId: 'a', body: { Name: 'Composed' } },
        { method: 'POST', url: `/services/data/v${version}/sobjects/Contact`, referenceId: 'c', body: { LastName: 'Composed', AccountId: '@{a.id}' } },
        { method: 'GET', url: `/services/data/v${version}/sobjects/Contact/@{c.id}?fields=AccountId`, referenceId: 'g' },
      ],
    });
    assert.deepEqual(answer.compositeResponse.map((r) => r.httpStatusCode), [201, 201, 200]);
    assert.equal(answer.compositeResponse[2].body.AccountId, answer.compositeResponse[0].body.id);
  },

  async 'a file'() {
    const [account] = (await conn.query('SELECT Id FROM Account LIMIT 1')).records;
    const made = await conn.sobject('ContentVersion').create({
      Title: 'Note', PathOnClient: 'note.txt', VersionData: Buffer.from('hello').toString('base64'), FirstPublishLocationId: account.Id,
    });
    const links = await conn.query(`SELECT ContentDocument.LatestPublishedVersionId FROM ContentDocumentLink WHERE LinkedEntityId = '${account.Id}'`);
    assert.equal(links.records[0].ContentDocument.LatestPublishedVersionId, made.id);
    const body = await conn.sobject('ContentVersion').record(made.id).blob('VersionData').toArray();
    assert.equal(Buffer.concat(body.map((b) => Buffer.from(b))).toString(), 'hello');
  },

  async 'a session that ends is renewed once'() {
    let renewed = 0;
    conn.on('refresh', () => { renewed += 1; });
    await control('sessions/expire');
    assert.ok((await conn.query('SELECT Id FROM User LIMIT 1')).records.length === 1);
    assert.equal(renewed, 1);
    assert.ok(conn.limitInfo.apiUsage.used > 0);
  },
};

for (const [name, step] of Object.entries(steps)) {
  try {
    await step();
    console.log(`ok ${name}`);
  } catch (error) {
    console.error(`not ok ${name}\n${error.stack ?? error}`);
    process.exit(1);
  }
}
process.exit(0);
