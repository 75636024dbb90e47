// A department's program, written from the AsyncAPI document alone: it follows its feed, keeps its work orders in its
// own database, and answers by GraphQL. Settings are environment variables; `department.mjs report` says what it has.
import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { Consumer, stringDeserializers } from '@platformatic/kafka'

const { DATABASE = 'department.sqlite', KAFKA, USERNAME, PASSWORD, TOPIC, GROUP, TOKEN_FILE } = process.env
const { GRAPHQL = 'http://127.0.0.1:4000/graphql', WORK_SECONDS = '5' } = process.env
const STATES = { assigned: 'ASSIGNED', ruled: 'ASSIGNED', acknowledged: 'ACKNOWLEDGED', started: 'IN_PROGRESS',
  information_requested: 'IN_PROGRESS', resumed: 'IN_PROGRESS', replied: 'REPLIED', reply_returned: 'IN_PROGRESS',
  referred_for_ruling: 'UNDER_RULING', cancelled: 'CANCELLED', declined: 'DECLINED', relieved: 'RELIEVED' }
const reply = ['replyToWorkOrder', { words: '已派人现场处理完毕，请您查看。', measures: '现场处理' }]
const ANSWERS = { assigned: ['acknowledgeWorkOrder'], ruled: ['acknowledgeWorkOrder'], acknowledged: ['startWorkOrder'],
  started: reply, resumed: reply, reply_returned: reply }
const PASSING = ['UNAVAILABLE', 'RATE_LIMITED', 'INTERNAL', 'UNAUTHENTICATED']

const db = new DatabaseSync(DATABASE)
db.exec(`PRAGMA busy_timeout = 60000;
  CREATE TABLE IF NOT EXISTS place (id INTEGER PRIMARY KEY, last INTEGER, next_offset INTEGER, duplicates INTEGER);
  INSERT OR IGNORE INTO place VALUES (1, 0, 0, 0);
  CREATE TABLE IF NOT EXISTS work_order (id TEXT PRIMARY KEY, tracking_code TEXT, title TEXT, state TEXT, due_at TEXT);
  CREATE TABLE IF NOT EXISTS answer (key TEXT PRIMARY KEY, mutation TEXT, about TEXT, input TEXT, not_before INTEGER,
    tries INTEGER DEFAULT 0, outcome TEXT DEFAULT 'WAITING')`)
const [say, run] = [console.log, (sql, ...given) => db.prepare(sql).run(...given)]
const place = () => db.prepare('SELECT * FROM place').get()
const end = (status, line) => { say(line); process.exit(status) }

// One transaction for what an event changes, its number and the answer that it asks for: killed at whatever moment, an
// event counts once or not yet, and no answer is lost. A number that was there already is a repetition.
function take ({ headers, value, offset }) {
  const [type, sequence] = [headers.get('ce_type'), Number(headers.get('ce_sequence'))]
  const { last } = place()
  if (sequence > last + 1) end(1, `✗ event ${last + 1} is missing, ${sequence} came: ask the operator`)
  db.exec('BEGIN IMMEDIATE')
  if (sequence <= last) run('UPDATE place SET duplicates = duplicates + 1, next_offset = ?', Number(offset) + 1)
  else {
    if (headers.get('ce_dataschema').endsWith(':v1')) apply(type, JSON.parse(value), headers.get('ce_id'))
    run('UPDATE place SET last = ?, next_offset = ?', sequence, Number(offset) + 1)
  }
  db.exec('COMMIT')
  say(sequence <= last ? `  ${sequence} had come before` : `← ${sequence}  ${headers.get('ce_time')}  ${type}`)
}

function apply (type, data, id) {
  if (type.startsWith('clock.')) run('UPDATE work_order SET due_at = ? WHERE id = ?', data.dueAt, data.about)
  const act = type.startsWith('work_order.') && type.slice('work_order.'.length)
  if (!act || !STATES[act]) return // of another kind, or newer than this program: passed over
  const { workOrderId, matter } = data
  run("UPDATE answer SET outcome = 'OVERTAKEN' WHERE about = ? AND outcome = 'WAITING'", workOrderId)
  if (matter) {
    run(`INSERT INTO work_order (id, tracking_code, title) VALUES (?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET title = excluded.title`, workOrderId, matter.trackingCode, matter.title)
  }
  run('UPDATE work_order SET state = ? WHERE id = ?', STATES[act], workOrderId)
  if (!ANSWERS[act]) return
  const [mutation, words = {}] = ANSWERS[act] // the event's id is the key: sent again, it does nothing twice
  run('INSERT INTO answer (key, mutation, about, input, not_before) VALUES (?, ?, ?, ?, ?)', id, mutation, workOrderId,
    JSON.stringify({ workOrderId, ...words, idempotencyKey: id }), Date.now() + (words.words ? WORK_SECONDS * 1000 : 0))
}

async function send ({ key, mutation, about, input, tries }) {
  const query = readFileSync(new URL(`operations/${mutation}.graphql`, import.meta.url), 'utf8')
  const token = readFileSync(TOKEN_FILE, 'utf8').trim()
  const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` }
  const body = JSON.stringify({ query, variables: { input: JSON.parse(input) } })
  const request = { method: 'POST', headers, body, signal: AbortSignal.timeout(30_000) }
  const failed = error => ({ errors: [{ message: error.message, extensions: { code: 'UNAVAILABLE' } }] })
  const [error] = (await fetch(GRAPHQL, request).then(response => response.json()).catch(failed)).errors ?? []
  const { code, state, retryAfterSeconds } = error?.extensions ?? {}
  if (PASSING.includes(code)) {
    const pause = retryAfterSeconds ?? Math.min(2 ** tries, 30)
    run('UPDATE answer SET tries = tries + 1, not_before = ? WHERE key = ?', Date.now() + pause * 1000, key)
    return say(`→ ${mutation} ${about}  … ${error.message}; again in ${pause} s`)
  }
  const outcome = !error ? 'DONE' : code === 'INVALID_STATE' ? 'OVERTAKEN' : 'REFUSED'
  run('UPDATE answer SET outcome = ? WHERE key = ?', outcome, key)
  say(`→ ${mutation} ${about}  ${!error ? 'done' : state ? `somebody was first, it is ${state}` : error.message}`)
}

if (process.argv[2] === 'report') {
  const orders = db.prepare('SELECT * FROM work_order ORDER BY rowid').all()
  for (const it of orders) say(`${it.tracking_code}  ${it.state}  ${it.title}  (due ${it.due_at})`)
  const sent = db.prepare("SELECT count(*) AS n FROM answer WHERE outcome = 'DONE'").get().n
  end(0, `${place().last} events; ${place().duplicates} had come before; ${sent} answers sent`)
}
for (const by of ['SIGTERM', 'SIGINT']) process.on(by, () => end(0, `ended at event ${place().last}`))
const consumer = new Consumer({ groupId: GROUP, groupInstanceId: 'desk', clientId: USERNAME, bootstrapBrokers: [KAFKA],
  sasl: { mechanism: 'SCRAM-SHA-512', username: USERNAME, password: PASSWORD }, deserializers: stringDeserializers })
const offsets = [{ topic: TOPIC, partition: 0, offset: BigInt(place().next_offset) }]
const [there] = (await consumer.listOffsets({ topics: [TOPIC] })).get(TOPIC) // what is there first: then it is answered
const stream = await consumer.consume({ topics: [TOPIC], mode: 'manual', offsets, autocommit: false })
stream.on('data', take).on('error', error => end(1, `✗ ${error.message}`))
for (;; await sleep(200)) {
  const next = db.prepare("SELECT * FROM answer WHERE outcome = 'WAITING' AND not_before <= ? ORDER BY not_before")
  const due = place().next_offset >= there ? next.get(Date.now()) : undefined
  if (due) await send(due)
}
