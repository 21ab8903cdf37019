import { type Command, Option } from 'commander'
import { activeOf, type KeyringView } from '../client/keyring.ts'
import { act } from '../client/keyrings.ts'
import { clientKeyText } from '../rotation/client-key.ts'
import { follow } from '../rotation/follow.ts'
import type { Until } from '../rotation/milestones.ts'
import { rotationOf, type Watched } from '../rotation/watch.ts'
import { wordsOf } from '../rotation/words.ts'
import { print, type Shell } from '../shell.ts'
import { withProgress } from '../terminal/progress.ts'
import { bffOption, managementOf, newCommand, towards, wantsJson } from './command.ts'

interface RotateOptions {
  watch?: boolean
  until?: Until
  force?: boolean
  reason?: string
  bff?: string
}

/** `rekey rotate KEYRING`: asks for a rotation, and follows it with `--watch` or `--until`. */
export function rotateCommand(shell: Shell): Command {
  return newCommand('rotate', 'replace the active version by its successor, when every gate is open')
    .argument('<keyring>', 'name of the keyring, for example signing-es256')
    .option('--watch', 'show each gate as it opens; return when every live instance goes by the new version')
    .addOption(
      new Option('--until <state>', 'watch until the new version is active, or the old one retired').choices([
        'active',
        'retired',
      ]),
    )
    .option('--force', 'do not wait for verifiers that have not acknowledged the successor (they may fail)')
    .option('--reason <text>', 'why, for the audit trail')
    .addOption(bffOption())
    .action(async (name: string, options: RotateOptions, command: Command) => {
      const isFollowed = options.watch || options.until !== undefined
      const client = managementOf(
        towards(options.bff, shell),
        ...(isFollowed ? (['keyrings:read', 'keyrings:write'] as const) : []),
      )
      const asked = await act(client, name, 'rotate', requestBody(options))
      // Not read before: a scheduled rotation in between would pass for the one that is asked for.
      const watched = { name, from: activeOf(asked)?.id, until: options.until ?? 'active' }
      const rotation = rotationOf(client, watched)
      const keyring =
        isFollowed && !isDone(asked)
          ? await withProgress(shell, wantsJson(command), (progress) =>
              follow(rotation, progress, shell, shell.interruption()),
            )
          : asked
      print(shell, wantsJson(command), { json: keyring, text: summary(keyring, watched, isFollowed) })
    })
}

function requestBody({ force, reason }: RotateOptions): object {
  return { ...(force ? { force: true } : {}), ...(reason === undefined ? {} : { reason }) }
}

/** A client's own key is replaced at once: there is nothing to follow. */
function isDone({ kind }: KeyringView): boolean {
  return kind === 'client-key'
}

function summary(keyring: KeyringView, watched: Watched, isFollowed: boolean): string {
  if (isDone(keyring)) return clientKeyText(keyring)
  if (!isFollowed) return `The rotation of ${keyring.name} is asked for; "rekey status" shows how far it is.`
  const active = activeOf(keyring)?.id ?? 'none'
  if (watched.until === 'retired') return `${keyring.name}: ${active} is active, ${watched.from ?? 'none'} is retired.`
  return `${keyring.name}: ${wordsOf(keyring).used} ${active}.`
}
