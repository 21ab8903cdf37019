import type { Command } from 'commander'
import { askToReencrypt, type ColumnsView, closeLegacy, pauseReencryption, readColumns } from '../client/columns.ts'
import type { ManagementClient } from '../client/management.ts'
import { CliError } from '../error.ts'
import { type Followed, follow } from '../rotation/follow.ts'
import { print, type Shell } from '../shell.ts'
import { counted } from '../terminal/counted.ts'
import { type Milestone, withProgress } from '../terminal/progress.ts'
import { table } from '../terminal/table.ts'
import { managementOf, newCommand, wantsJson } from './command.ts'
import { wholeNumber } from './words.ts'

interface ReencryptOptions {
  rate?: number
  watch?: boolean
  pause?: boolean
  closeLegacy?: boolean
}

/** `rekey reencrypt`: encrypts anew, by the key in use, what lies in encrypted columns under another one or in an older form. */
export function reencryptCommand(shell: Shell): Command {
  return newCommand('reencrypt', 'encrypt anew, by the key in use, what lies in columns under another one')
    .option(
      '--rate <values>',
      'how many values a second at most, by all instances together (default: no limit)',
      wholeNumber,
    )
    .option('--watch', 'show how many are left; return when none is')
    .option('--pause', 'stop it until it is asked for again')
    .option('--close-legacy', 'refuse the older forms (plain, AES-256-CBC) for good, when no value has one')
    .action(async (options: ReencryptOptions, command: Command) => {
      const client = managementOf(shell, 'keyrings:read', 'keyrings:write')
      const asked = await act(client, options)
      const seen = options.watch ? await watched(client, asked, shell, wantsJson(command)) : asked
      print(shell, wantsJson(command), { json: seen, text: summary(seen, options) })
    })
}

/** @throws CliError `WRONG_USE` */
function act(client: ManagementClient, { rate: perSecond, watch, pause, closeLegacy: closes }: ReencryptOptions) {
  if (pause && (watch || perSecond !== undefined || closes)) {
    throw new CliError('WRONG_USE', '--pause stands for itself')
  }
  if (closes && (watch || perSecond !== undefined)) throw new CliError('WRONG_USE', '--close-legacy stands for itself')
  if (pause) return pauseReencryption(client)
  return closes ? closeLegacy(client) : askToReencrypt(client, perSecond)
}

function watched(client: ManagementClient, asked: ColumnsView, shell: Shell, asJson: boolean): Promise<ColumnsView> {
  const total = asked.left
  const followed: Followed<ColumnsView> = {
    look: () => readColumns(client),
    path: (seen) => milestones(seen, total),
    refuseGivenUp,
    goesOn: 'columns are encrypted anew all the same',
    facts: {},
  }
  return withProgress(shell, asJson, (progress) => follow(followed, progress, shell, shell.interruption()))
}

function milestones({ left, sealing }: ColumnsView, total: number): Milestone[] {
  const held = { title: 'every instance holds the key in use', done: sealing !== null }
  const title = 'every value is encrypted by it'
  if (left === 0) return [held, { title, done: sealing !== null }]
  return [held, { title, done: false, waiting: `${left} of ${Math.max(total, left)} left` }]
}

/** Somebody paused it, or all that is left does not open: nothing would come of waiting. */
function refuseGivenUp({ left, reencryption, refused }: ColumnsView): void {
  if (reencryption.paused) {
    throw new CliError('FAILED', `${reencryption.by} paused it: ${valuesAre(left)} left`, { left })
  }
  const [first] = refused
  if (first === undefined || left > refused.length) return
  const place = `${first.table}.${first.column} of ${first.rowId}`
  throw new CliError(
    'FAILED',
    `${counted(left, 'value does', 'values do')} not open and ${left === 1 ? 'is left as it is' : 'are left as they are'}: ${place} (${first.code})`,
    {
      refused,
    },
  )
}

function summary(seen: ColumnsView, { pause, closeLegacy: closes }: ReencryptOptions): string {
  return [headline(seen, { pause, closes }), '', columnTable(seen), '', refusedText(seen)].join('\n').trimEnd()
}

function headline(
  { left, sealing }: ColumnsView,
  { pause, closes }: { pause?: boolean | undefined; closes?: boolean | undefined },
) {
  if (closes) return 'Values of an older form are refused from now on, for good. Leave REKEY_ADMIT_LEGACY_COLUMNS out.'
  if (pause) return `Paused; ${valuesAre(left)} left.`
  if (left === 0) return `Every value is encrypted by ${sealing ?? 'no key'}.`
  const [are, isShown] = [left === 1 ? 'it is' : 'they are', '("rekey reencrypt --watch" shows it)']
  return `${valuesAre(left)} left; ${are} encrypted anew from now on ${isShown}.`
}

const valuesAre = (count: number) => counted(count, 'value is', 'values are')

/** More are told by `--json`. */
const refusedShown = 20

/** Which values were left as they are. */
function refusedText({ refused }: ColumnsView): string {
  if (refused.length === 0) return ''
  const rows = refused
    .slice(0, refusedShown)
    .map(({ table: name, column, rowId, code }) => [`${name}.${column}`, rowId, code])
  const more = refused.length > refusedShown ? `\nand ${refused.length - refusedShown} more (--json has all)` : ''
  return table(['DOES NOT OPEN', 'ROW', 'BECAUSE OF'], rows) + more
}

/** What lies in each column, under which key. */
export function columnTable({ values, sealing }: Pick<ColumnsView, 'values' | 'sealing'>): string {
  if (values.length === 0) return ''
  const rows = values.map(({ table: name, column, version, count }) => [
    `${name}.${column}`,
    version,
    String(count),
    version === sealing ? 'in use' : '',
  ])
  return table(['COLUMN', 'ENCRYPTED BY', 'VALUES', ''], rows)
}
