import { columnForms, columnSweeps, countValues } from '@rekey/database'
import { type App, iso, isoOrNull, time } from '@rekey/service'
import { z } from 'zod'
import { legacyForms } from '../config/columns.ts'
import { requireScope } from '../http/authorise.ts'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'
import { closeLegacyForms } from './close-legacy.ts'
import { escrowRoutes } from './escrow.ts'
import { encryptedColumns } from './list.ts'
import { leftIn } from './sweep.ts'
import { setSweeping, sweepingNow } from './sweeping.ts'
import { columnWorries } from './worries.ts'

const tags = ['columns']
const place = { table: z.string(), column: z.string() }
const shownColumns = z.object({
  sealing: z
    .string()
    .nullable()
    .describe('The version of keyring `columns` by which is encrypted; null while there is none'),
  source: z
    .object({ variable: z.string(), description: z.string() })
    .nullable()
    .describe('Where the keys come from; null where they are made here, and lie sealed in the database'),
  values: z.array(
    z.object({
      ...place,
      version: z.string().describe('By which it was encrypted; `plain` and `cbc` are older forms'),
      count: z.number().int(),
    }),
  ),
  left: z.number().int().describe('How many are not encrypted by the version in use'),
  forms: z
    .array(
      z.object({
        form: z.enum(legacyForms),
        state: z.enum(['open', 'closing', 'closed']),
        by: z.string(),
        since: time,
      }),
    )
    .describe('Older forms that were ever admitted, or closed for good'),
  reencryption: z.object({
    paused: z.boolean(),
    perSecond: z.number().int().nullable(),
    by: z.string(),
    since: time,
    columns: z.array(
      z.object({
        ...place,
        moved: z.number().int(),
        refused: z.number().int(),
        beganAt: time,
        endedAt: time.nullable(),
      }),
    ),
  }),
  refused: z
    .array(z.object({ ...place, rowId: z.string(), code: z.string() }))
    .describe('Values that do not open, as this instance met them last'),
  worries: z.array(z.object({ what: z.string(), since: time, command: z.string().nullable() })),
})
const response = { 200: shownColumns }
const accepted = { 202: shownColumns }
const pace = z.strictObject({ perSecond: z.number().int().positive().max(1_000_000).nullish() }).nullish()

/** What lies in encrypted columns, under which keys, and how it is encrypted anew. */
export function columnRoutes(app: App, instance: Instance): void {
  const { db } = instance.connection
  const read = requireScope(instance, 'keyrings:read')
  const write = requireScope(instance, 'keyrings:write', { whileFrozen: 'allowed' })
  const admit = requireScope(instance, 'keyrings:write', { whileFrozen: 'refused' })
  const path = '/api/v1/columns'

  const show = { tags, summary: 'Show what lies in encrypted columns, under which keys', response }
  app.get(path, { onRequest: read, schema: show }, async () => showColumns(instance))

  const begin = { tags, summary: 'Encrypt anew what lies under another key, at a pace', body: pace, response: accepted }
  app.post(`${path}/reencrypt`, { onRequest: write, schema: begin }, async ({ caller, body }, reply) => {
    await setSweeping(db, caller.clientId, { isPaused: false, perSecond: body?.perSecond ?? null })
    instance.columnSweeper.poke()
    return reply.code(202).send(await showColumns(instance))
  })

  const pause = { tags, summary: 'Pause that', response: accepted }
  app.post(`${path}/pause`, { onRequest: admit, schema: pause }, async ({ caller }, reply) => {
    const { perSecond } = await sweepingNow(db)
    await setSweeping(db, caller.clientId, { isPaused: true, perSecond })
    return reply.code(202).send(await showColumns(instance))
  })

  escrowRoutes(app, instance)
  const close = {
    tags,
    summary: 'Close the older forms of values for good, when none is left',
    response,
    refuses: codes('LEGACY_VALUES'),
  }
  app.post(`${path}/close-legacy`, { onRequest: admit, schema: close }, async ({ caller }) => {
    await closeLegacyForms(db, caller.clientId)
    return showColumns(instance)
  })
}

async function showColumns(instance: Instance): Promise<z.infer<typeof shownColumns>> {
  const { connection, columnKeys, columnSweeper } = instance
  const { admitted } = instance.config.columns
  const { db } = connection
  const values = await countValues(db, encryptedColumns)
  const sealing = columnKeys.held.sealing?.id
  const { isPaused, since, ...asked } = await sweepingNow(db)
  const forms = await columnForms(db)
  const sweeps = await columnSweeps(db)
  const source = columnKeys.source
  return {
    sealing: sealing ?? null,
    source: source ? { variable: source.variable, description: source.source.description } : null,
    values,
    left: leftIn(values, sealing),
    forms: forms.map((form) => ({ ...form, since: iso(form.since) })),
    reencryption: {
      ...asked,
      paused: isPaused,
      since: iso(since),
      columns: sweeps.map(({ beganAt, endedAt, by: _by, perSecond: _pace, ...done }) => ({
        ...done,
        beganAt: iso(beganAt),
        endedAt: isoOrNull(endedAt),
      })),
    },
    refused: columnSweeper.refused(),
    worries: columnWorries(
      { columnKeys, columnSweeper, values, forms, admitted, isPaused, since },
      await instance.store.now(),
    ),
  }
}
