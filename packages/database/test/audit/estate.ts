/** A database with a chain, as the tests of the audit use it. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import canonicalize from 'canonicalize'
import pg from 'pg'
import { noHash } from '../../src/audit/canonical.ts'
import { type AuditChain, type ChainOptions, openChain } from '../../src/audit/chain.ts'
import { checkpointLine, linesOfFile, readCheckpointLine } from '../../src/audit/checkpoints.ts'
import { exportLines } from '../../src/audit/export.ts'
import { leafHash } from '../../src/audit/merkle/hash.ts'
import { CompactRange, type TreeNode } from '../../src/audit/merkle/range.ts'
import { newestCheckpoint } from '../../src/audit/newest.ts'
import { type Checkpoint, decodeUnverified } from '../../src/audit/note.ts'
import { type AuditEvent, recordEvents } from '../../src/audit/record.ts'
import { type AuditSigner, auditSigner } from '../../src/audit/signer.ts'
import { type Connection, connect } from '../../src/connection/connect.ts'
import type { RootKey } from '../../src/sealing/root-key.ts'
import type { SealingKeys } from '../../src/sealing/seal.ts'
import type { DatabaseTables } from '../../src/tables.ts'
import { testDatabase } from '../../src/testing/database.ts'
import { eventually } from '../../src/testing/eventually.ts'

export const origin = 'idp.example.com/audit'
export const signer = auditSigner({ id: 'root', key: Buffer.alloc(32, 7) }, origin)
/** Somebody else's. */
export const foreigner = auditSigner({ id: 'other', key: Buffer.alloc(32, 8) }, origin)

export const root = (n: number): RootKey => ({ id: `root-${n}`, key: Buffer.alloc(32, n) })
/** Root keys as an instance holds them. */
export const holding = (all: RootKey[], sealing = all[0] as RootKey): SealingKeys => ({ all, sealing })

export const event = (action: string, over: Partial<AuditEvent> = {}): AuditEvent => ({
  action,
  outcome: 'success',
  actor: 'ops',
  details: { note: 'a "quoted" word', n: 1 },
  ...over,
})

export const events = (count: number, from = 1): AuditEvent[] =>
  Array.from({ length: count }, (_, i) => event('test.counted', { details: { number: from + i } }))

const guarded = ['audit_events', 'audit_chain', 'audit_nodes', 'audit_checkpoints']

export async function auditEstate() {
  const database = await testDatabase()
  const service = connect<DatabaseTables>(database.serviceUrl)
  const owner = connect<DatabaseTables>(database.ownerUrl, { max: 2 })
  const folder = await mkdtemp(join(tmpdir(), 'rekey-audit-'))
  const opened: { close(): Promise<void> }[] = []

  async function change(statements: readonly string[]): Promise<void> {
    for (const table of guarded) await owner.pool.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`)
    for (const statement of statements) await owner.pool.query(statement)
    for (const table of guarded) await owner.pool.query(`ALTER TABLE ${table} ENABLE TRIGGER USER`)
  }

  const record = (list: readonly AuditEvent[], by: Connection<DatabaseTables> = service) =>
    by.db.transaction().execute((transaction) => recordEvents(transaction, list))

  return {
    database,
    db: service.db,
    service,
    owner,
    folder,
    file: () => join(folder, randomUUID()),
    record,
    async chain(options: Partial<ChainOptions> = {}, by: Connection<DatabaseTables> = service): Promise<AuditChain> {
      const chain = await openChain(by.db, { signer, ...options })
      opened.push(chain)
      return chain
    },
    /** Writes down that this root key is the newest one. */
    use: ({ id }: RootKey) => service.pool.query('INSERT INTO root_keys (id) VALUES ($1)', [id]),
    /** An instance chains so many events, signs them, and ends. */
    async grow(keys: SealingKeys, count: number, checkpointFile: string, everyMs?: number): Promise<void> {
      const chain = await openChain(service.db, { signer: auditSigner(keys, origin), checkpointFile, everyMs })
      await record(events(count))
      await chain.poke()
      await chain.close()
    },
    /** Puts a checkpoint into the database as it is signed, by whomever. */
    async insertNote(note: string): Promise<void> {
      const { size, root, head, time } = decodeUnverified(note) as Checkpoint
      await service.pool.query(
        `INSERT INTO audit_checkpoints (size, root, head, note, at) VALUES ($1, decode($2, 'hex'), decode($3, 'hex'), $4, $5)`,
        [size, root, head, note, time],
      )
    },
    /** What a database administrator can do who stops at nothing. */
    tamper: (...statements: string[]) => change(statements),
    literal: (text: string) => pg.escapeLiteral(text),
    /** Everything of the audit as it is; the function returned puts it back. */
    async snapshot(): Promise<() => Promise<void>> {
      for (const table of [...guarded, 'audit_waiting']) {
        await owner.pool.query(`CREATE TABLE saved_${table} AS TABLE ${table}`)
      }
      return async () => {
        const tables = [...guarded, 'audit_waiting']
        const back = (table: string) =>
          `DELETE FROM ${table}; INSERT INTO ${table} OVERRIDING SYSTEM VALUE SELECT * FROM saved_${table}`
        await change([
          ...tables.map(back),
          'DELETE FROM audit_waiting',
          'INSERT INTO audit_waiting TABLE saved_audit_waiting',
        ])
      }
    },
    async stop(): Promise<void> {
      await Promise.all(opened.map((chain) => chain.close()))
      await Promise.all([service.close(), owner.close()])
      await database.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type AuditEstate = Awaited<ReturnType<typeof auditEstate>>

/** The whole export as one text. */
export async function exported(db: Connection<DatabaseTables>['db'], by: AuditSigner = signer): Promise<string> {
  const pages: string[] = []
  for await (const page of exportLines(db, by)) pages.push(page)
  return pages.join('')
}

/** Records events and waits until a checkpoint covers exactly the chain. */
export async function recordAndSign(
  estate: AuditEstate,
  chain: AuditChain,
  list: readonly AuditEvent[],
): Promise<void> {
  await estate.record(list)
  await chain.poke()
  const covers = async () => ((await newestCheckpoint(estate.db, signer))?.size ?? 0) >= chain.size()
  await eventually(covers, (yes) => yes)
}

/**
 * Makes every checkpoint look as if it had been signed so much earlier, in the database and in a file outside. What holds of
 * checkpoints that are older than ten seconds must not depend on how long tests take.
 */
export async function ageCheckpoints(estate: AuditEstate, ms: number, file?: string): Promise<void> {
  const { rows } = await estate.owner.pool.query('SELECT size, note FROM audit_checkpoints')
  const aged = (note: string) => {
    const told = decodeUnverified(note) as Checkpoint
    return signer.note({ ...told, time: new Date(Date.parse(told.time) - ms).toISOString() })
  }
  const statements = rows.map(({ size, note }) => {
    const [literal, back] = [estate.literal(aged(note)), `${ms} * interval '1 millisecond'`]
    return `UPDATE audit_checkpoints SET note = ${literal}, at = at - ${back} WHERE size = ${size}`
  })
  await estate.tamper(...statements)
  if (file === undefined) return
  const lines = linesOfFile(await readFile(file, 'utf8'))
  const agedLine = (line: string) => checkpointLine(aged(readCheckpointLine(line)?.checkpoint ?? ''), signer.publicKey)
  await writeFile(file, lines.map(agedLine).join(''))
}

/** Writes the chain anew from one event on, as somebody with every right in the database but without the key could. */
export async function rewrite(estate: AuditEstate, from: number): Promise<void> {
  const { rows } = await estate.owner.pool.query('SELECT seq, event_id, text FROM audit_chain ORDER BY seq')
  const nodes: TreeNode[] = []
  const range = new CompactRange(0, [], (node) => nodes.push(node))
  let previousHash = noHash
  const statements: string[] = []
  for (const { seq, event_id, text } of rows) {
    const told = { ...JSON.parse(text), previousHash, ...(seq === from ? { actor: 'nobody' } : {}) }
    const forged = canonicalize(told) as string
    previousHash = leafHash(forged)
    range.append(previousHash)
    if (seq < from) continue
    const literal = estate.literal(forged)
    statements.push(`UPDATE audit_chain SET text = ${literal}, hash = '\\x${previousHash}' WHERE seq = ${seq}`)
    statements.push(`UPDATE audit_events SET actor = ${estate.literal(told.actor)} WHERE id = '${event_id}'`)
  }
  for (const { level, index, hash } of nodes) {
    statements.push(`UPDATE audit_nodes SET hash = '\\x${hash}' WHERE level = ${level} AND index = ${index}`)
  }
  await estate.tamper(statements.join(';'))
}
