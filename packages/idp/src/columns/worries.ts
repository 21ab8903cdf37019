import type { ColumnCount, ColumnForm } from '@rekey/database'
import { iso } from '@rekey/service'
import { isOver } from './destroy.ts'
import type { ColumnKeyring } from './open.ts'
import type { ColumnSweeper } from './sweep.ts'

/** Something that a person should look at, since when, and the command that helps, if one does. */
export interface ColumnWorry {
  what: string
  since: string
  command: string | null
}

interface Seen {
  columnKeys: Pick<ColumnKeyring, 'held' | 'source' | 'trouble' | 'troubledSince'>
  columnSweeper: Pick<ColumnSweeper, 'refused' | 'trouble'>
  values: readonly ColumnCount[]
  forms: readonly ColumnForm[]
  /** Those that the settings of this instance admit. */
  admitted: readonly string[]
  isPaused: boolean
  since: number
}

/** What an instance knows of encrypted columns that does not mend by itself. */
export function columnWorries(seen: Seen, now: number): ColumnWorry[] {
  return [
    ...aboutSource(seen, now),
    ...aboutRows(seen, now),
    ...aboutForms(seen),
    ...aboutClosed(seen),
    ...aboutOldKeys(seen, now),
  ]
}

function aboutSource({ columnKeys: { trouble, troubledSince, source } }: Seen, now: number): ColumnWorry[] {
  if (trouble === undefined) return []
  const what = `the source of column keys (${source?.variable}) is not gone by: ${trouble}`
  return [{ what, since: iso(troubledSince ?? now), command: null }]
}

function aboutRows({ columnKeys, columnSweeper, values, isPaused, since }: Seen, now: number): ColumnWorry[] {
  const sealing = columnKeys.held.sealing?.id
  const left = values.filter(({ version }) => version !== sealing).reduce((sum, { count }) => sum + count, 0)
  const refused = columnSweeper.refused()
  const trouble = columnSweeper.trouble()
  const worries: ColumnWorry[] = []
  if (isPaused && left > 0) {
    const what = `${counted(left, 'encrypted value lies', 'encrypted values lie')} under another key than the one in use, and encrypting anew is paused`
    worries.push({ what, since: iso(since), command: 'rekey reencrypt --watch' })
  }
  if (refused.length > 0) {
    const [first] = refused
    const values = counted(refused.length, 'encrypted value does', 'encrypted values do')
    const what = `${values} not open: ${first?.table}.${first?.column} of ${first?.rowId} (${first?.code})`
    worries.push({ what, since: iso(now), command: null })
  }
  if (trouble !== undefined && left > 0) {
    worries.push({
      what: `${counted(left, 'value', 'values')} could not be encrypted anew: ${trouble}`,
      since: iso(now),
      command: null,
    })
  }
  return worries
}

function aboutForms({ forms, values }: Seen): ColumnWorry[] {
  return forms
    .filter(({ state }) => state !== 'closed')
    .map(({ form, since }) => {
      const count = values.filter(({ version }) => version === form).reduce((sum, each) => sum + each.count, 0)
      const what =
        count === 0
          ? `the older form "${form}" is admitted in encrypted columns, and no value has it any more`
          : `${counted(count, 'value in encrypted columns has', 'values in encrypted columns have')} the older form "${form}"`
      return {
        what,
        since: iso(since),
        command: count === 0 ? 'rekey reencrypt --close-legacy' : 'rekey reencrypt --watch',
      }
    })
}

/** It is read no more, and no instance that is told to read it starts. */
function aboutClosed({ forms, admitted }: Seen): ColumnWorry[] {
  return forms
    .filter(({ form, state }) => state === 'closed' && admitted.includes(form))
    .map(({ form, since }) => ({
      what: `REKEY_ADMIT_LEGACY_COLUMNS still admits "${form}", which was closed for good: leave it out, or this instance does not start again`,
      since: iso(since),
      command: null,
    }))
}

/** Retired, and in the source still: nobody needs it, and whoever finds it there may have a backup to open by it. */
function aboutOldKeys({ columnKeys: { held, source } }: Seen, now: number): ColumnWorry[] {
  const given = source?.accepted?.map(({ id }) => id) ?? []
  const over = (held.document()?.versions ?? []).filter((version) => isOver(version) && given.includes(version.id))
  return over.map(({ id, retiredAt, revokedAt }) => ({
    what: `the column key ${id} is not needed any more and stands in ${source?.source.description} still: remove it there`,
    since: iso(retiredAt ?? revokedAt ?? now),
    command: null,
  }))
}

const counted = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`
