/** Single changes to a chain of 600 events, and what a verification must say of each. */
import type { ProblemCode } from '../../../src/audit/verify/findings.ts'

/** Checkpoints stand at 200, 400 and 600; they are older than ten seconds. */
export const size = 600
const inText = `text = replace(text, '"number":300', '"number":301')`
const rehash = `hash = sha256('\\x00'::bytea || convert_to(text, 'UTF8'))`
const eventOf = (seq: number) => `id = (SELECT event_id FROM audit_chain WHERE seq = ${seq})`

/** The id of one that was never recorded. */
const never = '99999999-9999-4999-8999-999999999999'

interface Case {
  statements: string[]
  brokenAt?: number
  /** The event that must be named: by the place that it had before, or its id. Left out, none may be. */
  event?: number | string
  codes: ProblemCode[]
}

export const changes: Record<string, Case> = {
  'a byte of a text': {
    statements: [`UPDATE audit_chain SET ${inText} WHERE seq = 300`],
    brokenAt: 300,
    event: 300,
    codes: ['event-changed', 'hash-changed', 'link-broken'],
  },
  'a byte of a hash': {
    statements: [`UPDATE audit_chain SET hash = set_byte(hash, 7, get_byte(hash, 7) # 1) WHERE seq = 300`],
    brokenAt: 300,
    event: 300,
    codes: ['hash-changed'],
  },
  'a text and its hash': {
    statements: [
      `UPDATE audit_chain SET ${inText} WHERE seq = 300`,
      `UPDATE audit_chain SET ${rehash} WHERE seq = 300`,
    ],
    brokenAt: 300,
    event: 300,
    codes: ['event-changed', 'link-broken'],
  },
  'an event, its text and its hash': {
    statements: [
      `UPDATE audit_events SET details = jsonb_set(details, '{number}', '301') WHERE ${eventOf(300)}`,
      `UPDATE audit_chain SET ${inText} WHERE seq = 300`,
      `UPDATE audit_chain SET ${rehash} WHERE seq = 300`,
    ],
    brokenAt: 300,
    event: 300,
    codes: ['link-broken'],
  },
  'the last event, its text and its hash': {
    statements: [
      `UPDATE audit_events SET actor = 'nob' WHERE ${eventOf(size)}`,
      `UPDATE audit_chain SET text = replace(text, '"actor":"ops"', '"actor":"nob"') WHERE seq = ${size}`,
      `UPDATE audit_chain SET ${rehash} WHERE seq = ${size}`,
    ],
    brokenAt: size,
    event: size,
    codes: ['changed'],
  },
  'the link of a text, and its hash': {
    statements: [
      `UPDATE audit_chain SET text = regexp_replace(text, '"previousHash":"....', '"previousHash":"0000') WHERE seq = 300`,
      `UPDATE audit_chain SET ${rehash} WHERE seq = 300`,
    ],
    brokenAt: 300,
    event: 300,
    codes: ['link-broken'],
  },
  'the actor of an event': {
    statements: [`UPDATE audit_events SET actor = 'opt' WHERE ${eventOf(300)}`],
    brokenAt: 300,
    event: 300,
    codes: ['event-changed'],
  },
  'the details of an event': {
    statements: [`UPDATE audit_events SET details = details || '{"n": 2}' WHERE ${eventOf(300)}`],
    brokenAt: 300,
    event: 300,
    codes: ['event-changed'],
  },
  'a number among the details of an event, by less than a double can tell': {
    statements: [`UPDATE audit_events SET details = '{"number": 300.00000000000000000001}' WHERE ${eventOf(300)}`],
    brokenAt: 300,
    event: 300,
    codes: ['event-changed'],
  },
  'a text to what PostgreSQL does not read as JSON': {
    statements: [`UPDATE audit_chain SET text = replace(text, '"ops"', '"\\u0000"') WHERE seq = 300`],
    brokenAt: 300,
    event: 300,
    codes: ['event-changed', 'hash-changed', 'link-broken'],
  },
  'the time of an event, by a millisecond': {
    statements: [`UPDATE audit_events SET at = at + interval '1 millisecond' WHERE ${eventOf(300)}`],
    brokenAt: 300,
    event: 300,
    codes: ['event-changed'],
  },
  'an event to what no JSON can say': {
    statements: [`UPDATE audit_events SET details = '{"n": 1e999}' WHERE ${eventOf(300)}`],
    brokenAt: 300,
    event: 300,
    codes: ['event-changed'],
  },
  'an event, by removing it': {
    statements: [`DELETE FROM audit_events WHERE ${eventOf(300)}`],
    brokenAt: 300,
    event: 300,
    codes: ['event-removed'],
  },
  'a place, by removing it': {
    statements: ['DELETE FROM audit_chain WHERE seq = 300'],
    brokenAt: 300,
    codes: ['missing', 'event-unchained'],
  },
  'a place and its event, by removing both': {
    statements: [`DELETE FROM audit_events WHERE ${eventOf(300)}`, 'DELETE FROM audit_chain WHERE seq = 300'],
    brokenAt: 300,
    codes: ['missing'],
  },
  'the last place, by removing it': {
    statements: [`DELETE FROM audit_chain WHERE seq = ${size}`],
    brokenAt: size,
    codes: ['tail-removed', 'event-unchained'],
  },
  'the last place and its event, by removing both': {
    statements: [`DELETE FROM audit_events WHERE ${eventOf(size)}`, `DELETE FROM audit_chain WHERE seq = ${size}`],
    brokenAt: size,
    codes: ['tail-removed'],
  },
  'the order of two places': {
    statements: [
      'UPDATE audit_chain SET seq = 9000 WHERE seq = 300',
      'UPDATE audit_chain SET seq = 300 WHERE seq = 301',
      'UPDATE audit_chain SET seq = 301 WHERE seq = 9000',
    ],
    brokenAt: 300,
    event: 301,
    codes: ['missing', 'out-of-order', 'event-changed'],
  },
  'the chain, by a place for an event that never was': {
    statements: [
      `INSERT INTO audit_chain SELECT ${size + 1}, '${never}', sha256('x'), replace(text, '"seq":600', '"seq":601')
       FROM audit_chain WHERE seq = ${size}`,
    ],
    brokenAt: size + 1,
    event: never,
    codes: ['hash-changed', 'event-removed', 'link-broken', 'unsigned'],
  },
  'a node of the tree': {
    statements: [`UPDATE audit_nodes SET hash = sha256('x') WHERE index = 1`],
    brokenAt: 257,
    codes: ['node-changed'],
  },
  'the tree, by removing a node': {
    statements: ['DELETE FROM audit_nodes WHERE index = 1'],
    brokenAt: 257,
    codes: ['node-changed'],
  },
  'a checkpoint': {
    statements: [`UPDATE audit_checkpoints SET note = replace(note, 'time 2', 'time 3') WHERE size = 400`],
    brokenAt: 400,
    codes: ['checkpoint-foreign'],
  },
  'the column of a checkpoint': {
    statements: [`UPDATE audit_checkpoints SET root = sha256('x') WHERE size = 400`],
    brokenAt: 400,
    codes: ['checkpoint-invalid'],
  },
  'the time of a checkpoint beside its note': {
    statements: [`UPDATE audit_checkpoints SET at = 'infinity' WHERE size = 400`],
    brokenAt: 400,
    codes: ['checkpoint-invalid'],
  },
  'the checkpoint of nothing': {
    statements: [`UPDATE audit_checkpoints SET note = 'forged' WHERE size = 0`],
    codes: ['checkpoint-invalid'],
  },
  'the checkpoints, by removing one that is kept outside': {
    statements: ['DELETE FROM audit_checkpoints WHERE size = 400'],
    codes: ['checkpoint-removed'],
  },
  'what waits, by putting back what has its place': {
    statements: [`INSERT INTO audit_waiting (inserted) SELECT inserted FROM audit_events WHERE ${eventOf(300)}`],
    event: 300,
    codes: ['event-overdue'],
  },
}
