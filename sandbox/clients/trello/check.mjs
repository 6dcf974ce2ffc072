// Uses trello.js against the origin in TRELLO_URL, with the key and the token in
// TRELLO_KEY and TRELLO_TOKEN, and ends with status 1 at the first thing that is
// not as the service does it. The library checks each answer against its schemas.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { createTrelloClient } from 'trello.js';

const env = (name) => process.env[name] ?? assert.fail(`${name} is not set`);
const origin = env('TRELLO_URL');
const apiKey = env('TRELLO_KEY');
const apiToken = env('TRELLO_TOKEN');
const trello = createTrelloClient({ apiKey, apiToken, host: `${origin}/1` });
// The library's schema of custom fields follows the OpenAPI document, which the
// service does not: names and options stand beside "display", not in it.
const loose = createTrelloClient({ apiKey, apiToken, host: `${origin}/1`, skipParsing: true });

const control = async (path, body) => {
  const answer = await fetch(`${origin}/_sandbox/${path}`, { method: 'POST', body: JSON.stringify(body ?? {}) });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
};

/** Asserts that a call fails with this status and these words. */
const refused = async (status, words, promise) => {
  const error = await promise.then(() => assert.fail(`expected ${status}`), (e) => e);
  assert.match(error.message, new RegExp(`^Request failed: ${status} .*${words}`));
};

const me = await trello.members.getMember({ id: 'me' });
const boards = await trello.members.getMemberBoards({ id: 'me', filter: 'open' });
const board = boards.find((b) => b.name === 'Client delivery') ?? assert.fail('no board');
const lists = await trello.boards.getBoardLists({ id: board.id });

const steps = {
  async 'read the board'() {
    assert.equal(me.username, 'tenon_bot');
    assert.deepEqual(lists.map((l) => l.name), ['Planned', 'In progress', 'Waiting for client', 'Done']);
    const same = await trello.boards.getBoard({ id: board.shortLink });
    assert.equal(same.id, board.id);
    const cards = await trello.boards.getBoardCards({ id: board.id, filter: 'all' });
    assert.equal(cards.length, 12);
    const labels = await trello.boards.getBoardLabels({ id: board.id });
    assert.ok(labels.some((l) => l.name === 'Urgent') && labels.some((l) => l.name === '' && l.color === 'sky'));
    const members = await trello.boards.getBoardMembers({ id: board.id });
    assert.ok(members.length >= 4 && members.every((m) => m.email == null));
    const memberships = await trello.boards.getBoardMemberships({ id: board.id });
    assert.ok(memberships.some((m) => m.memberType === 'admin'));
    assert.equal((await trello.boards.getBoardCustomFields({ id: board.id })).length, 5);
  },

  async 'create, read, change, archive and delete a card'() {
    const made = await trello.cards.createCard({
      idList: lists[0].id, name: 'From the client', desc: 'A **card**', due: '2026-12-31T12:00:00.000Z', urlSource: 'https://crm.example.com/deals/7',
    });
    assert.match(made.id, /^[0-9a-f]{24}$/);
    assert.equal(new Date(parseInt(made.id.slice(0, 8), 16) * 1000).getUTCFullYear(), new Date().getUTCFullYear());
    const links = await trello.cards.getCardAttachments({ id: made.id });
    assert.deepEqual(links.map((a) => a.url), ['https://crm.example.com/deals/7']);
    const changed = await trello.cards.updateCard({ id: made.id, name: 'Changed', idList: lists[1].id, dueComplete: true });
    assert.equal(changed.idList, lists[1].id);
    const read = await trello.cards.getCard({ id: made.shortLink ?? changed.shortLink, checklists: 'all', attachments: true });
    assert.equal(read.name, 'Changed');
    assert.equal(read.dueComplete, true);
    assert.equal((await trello.cards.updateCard({ id: made.id, closed: true })).closed, true);
    await trello.cards.deleteCard({ id: made.id });
    await refused(404, 'The requested resource was not found.', trello.cards.getCard({ id: made.id }));
    await refused(404, 'card not found', trello.cards.getCard({ id: 'zzzzzzzz' }));
  },

  async 'labels and members'() {
    const card = await trello.cards.createCard({ idList: lists[0].id, name: 'Sets' });
    const label = await trello.labels.createLabel({ name: 'From the client', color: 'lime', idBoard: board.id });
    await trello.cards.addCardLabel({ id: card.id, value: label.id });
    await trello.cards.addCardMember({ id: card.id, value: me.id });
    await refused(400, 'member is already on the card', trello.cards.addCardMember({ id: card.id, value: me.id }));
    let read = await trello.cards.getCard({ id: card.id });
    assert.deepEqual([read.idLabels, read.idMembers], [[label.id], [me.id]]);
    await trello.cards.removeCardLabel({ id: card.id, idLabel: label.id });
    await trello.cards.removeCardMember({ id: card.id, idMember: me.id });
    read = await trello.cards.getCard({ id: card.id });
    assert.deepEqual([read.idLabels, read.idMembers], [[], []]);
    await trello.labels.updateLabel({ id: label.id, name: 'Renamed' });
    await trello.labels.deleteLabel({ id: label.id });
    await trello.cards.deleteCard({ id: card.id });
  },

  async 'custom fields'() {
    const card = await trello.cards.createCard({ idList: lists[0].id, name: 'Fields' });
    const fields = await loose.boards.getBoardCustomFields({ id: board.id });
    const named = (name) => fields.find((f) => f.name === name);
    const size = named('Size');
    await trello.cards.updateCardCustomFieldItem({ idCard: card.id, idCustomField: named('CRM deal').id, body: { value: { text: 'deal 7' } } });
    await trello.cards.updateCardCustomFields({
      idCard: card.id,
      customFieldItems: [{ idCustomField: named('Budget').id, value: { number: '42.5' } }, { idCustomField: size.id, idValue: size.options[1].id }],
    });
    let items = await loose.cards.getCardCustomFieldItems({ id: card.id });
    assert.equal(items.length, 3);
    assert.equal(items.find((i) => i.idCustomField === named('Budget').id).value.number, '42.5');
    assert.equal(items.find((i) => i.idCustomField === size.id).idValue, size.options[1].id);
    await trello.cards.updateCardCustomFieldItem({ idCard: card.id, idCustomField: size.id, body: { idValue: '' } });
    items = await loose.cards.getCardCustomFieldItems({ id: card.id });
    assert.equal(items.length, 2);
    await refused(400, '', trello.cards.updateCardCustomFieldItem({ idCard: card.id, idCustomField: named('Budget').id, body: { value: { number: 7 } } }));
    await trello.cards.deleteCard({ id: card.id });
  },

  async 'checklists'() {
    const card = await trello.cards.createCard({ idList: lists[0].id, name: 'Steps' });
    const list = await trello.checklists.createChecklist({ idCard: card.id, name: 'Tasks' });
    const item = await trello.checklists.createChecklistItem({ id: list.id, name: 'First' });
    const done = await trello.cards.updateCardCheckItem({ id: card.id, idCheckItem: item.id, state: 'complete' });
    assert.equal(done.state, 'complete');
    const all = await trello.cards.getCardChecklists({ id: card.id });
    assert.equal(all[0].checkItems[0].state, 'complete');
    await trello.checklists.deleteChecklistItem({ id: list.id, idCheckItem: item.id });
    await trello.checklists.deleteChecklist({ id: list.id });
    await trello.cards.deleteCard({ id: card.id });
  },

  async 'comments and actions'() {
    const card = await trello.cards.createCard({ idList: lists[0].id, name: 'Talk' });
    const said = await trello.cards.createCardComment({ id: card.id, text: 'Hello' });
    await trello.cards.updateCardComment({ id: card.id, idAction: said.id, text: 'Hello again' });
    const label = (await trello.boards.getBoardLabels({ id: board.id }))[0];
    await trello.cards.addCardLabel({ id: card.id, value: label.id });
    const log = await trello.boards.getBoardActions({ boardId: board.id, filter: 'all', limit: 1000 });
    assert.ok(log.some((a) => a.type === 'commentCard' && a.data.text === 'Hello again'));
    assert.ok(!log.some((a) => ['addLabelToCard', 'updateComment'].includes(a.type)), 'kinds that are never listed');
    await trello.cards.deleteCardComment({ id: card.id, idAction: said.id });
    await trello.cards.deleteCard({ id: card.id });
  },

  async 'batches'() {
    const [one] = await trello.boards.getBoardCards({ id: board.id });
    const answers = await trello.batch.run((b) => [b.cards.getCard({ id: one.id }), b.boards.getBoard({ id: board.id })]);
    assert.deepEqual([answers[0].id, answers[1].id], [one.id, board.id]);
  },

  async 'lists, search and boards'() {
    const list = await trello.lists.createList({ name: 'Later', idBoard: board.id, pos: 'bottom' });
    await trello.lists.updateList({ id: list.id, name: 'Some day' });
    assert.equal((await trello.lists.archiveList({ id: list.id, value: true })).closed, true);
    const copy = await trello.boards.createBoard({ name: 'Copied', idBoardSource: boards.find((b) => b.name.startsWith('Template')).id });
    const cards = await trello.boards.getBoardCards({ id: copy.id });
    assert.deepEqual(cards.map((c) => c.name).sort(), ['Acceptance test', 'Prototype', 'Requirements']);
    await trello.boards.deleteBoard({ id: copy.id });
    const found = await trello.search.search({ query: 'Dredging', modelTypes: 'cards' });
    assert.ok(found.cards.length <= 1);
  },

  async 'webhooks'() {
    const got = [];
    let status = 405;
    const server = createServer((req, res) => {
      if (req.method === 'HEAD') {
        res.writeHead(status).end();
        return;
      }
      const parts = [];
      req.on('data', (d) => parts.push(d)).on('end', () => {
        got.push({ header: req.headers, body: Buffer.concat(parts) });
        res.writeHead(200).end();
      });
    });
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const callbackURL = `http://127.0.0.1:${server.address().port}/trello?c=a`;
    await refused(400, 'did not return 200 status code, got 405', trello.webhooks.createWebhook({ callbackURL, idModel: board.id }));
    status = 200;
    const hook = await trello.webhooks.createWebhook({ callbackURL, idModel: board.id, description: 'check' });
    await refused(400, 'already exists', trello.webhooks.createWebhook({ callbackURL, idModel: board.id }));
    assert.equal((await trello.tokens.getTokenWebhooks({ token: apiToken })).length, 1);
    const card = await trello.cards.createCard({ idList: lists[0].id, name: 'Zürich' });
    for (let n = 0; got.length === 0 && n < 300; n++) {
      await control('flush');
      await new Promise((done) => setTimeout(done, 100));
    }
    const { header, body } = got[0];
    const want = createHmac('sha1', env('TRELLO_SECRET')).update(body).update(callbackURL).digest('base64');
    assert.equal(header['x-trello-webhook'], want);
    const told = JSON.parse(body);
    assert.deepEqual([told.action.type, told.action.data.card.id, told.model.id], ['createCard', card.id, board.id]);
    await trello.webhooks.deleteWebhook({ id: hook.id });
    server.close();
    await trello.cards.deleteCard({ id: card.id });
  },

  async 'refusals'() {
    await refused(400, 'invalid id', trello.cards.getCard({ id: 'not-an-id' }));
    await refused(400, 'invalid value for idList', trello.cards.createCard({ idList: 'f'.repeat(24), name: 'x' }));
    const host = `${origin}/1`;
    await refused(401, 'invalid key', createTrelloClient({ apiKey: '0', apiToken, host }).members.getMember({ id: 'me' }));
    await refused(401, 'invalid token', createTrelloClient({ apiKey, apiToken: '0', host }).members.getMember({ id: 'me' }));
    await refused(400, 'invalid id', createTrelloClient({ apiKey, apiToken: '0', host }).cards.getCard({ id: 'x' }));
    assert.equal((await trello.tokens.getToken({ token: apiToken })).permissions.every((p) => p.write), true);
    await control('token', { write: false });
    await refused(401, 'unauthorized permission requested', trello.cards.createCard({ idList: lists[0].id, name: 'x' }));
    await control('token', { write: true });
  },
};

for (const [name, run] of Object.entries(steps)) {
  try {
    await run();
    console.log(`ok   ${name}`);
  } catch (error) {
    console.error(`FAIL ${name}\n${error.stack ?? error}`);
    process.exit(1);
  }
}
