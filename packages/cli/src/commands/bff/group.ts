import { pathToFileURL } from 'node:url'
import { Command } from 'commander'
import { bffEntry } from '../../estate/entry.ts'
import type { Shell } from '../../shell.ts'
import { rotateKeysCommand } from './rotate-keys.ts'

/** `rekey bff`: the backend for frontend alone, in this process, configured by its environment. */
export function bffCommand(shell: Shell): Command {
  return new Command('bff')
    .description(
      'run the backend for frontend in this process (DATABASE_URL, REKEY_BFF_URL, REKEY_PORT, REKEY_ROOT_KEY …)',
    )
    .action(async () => {
      await import(pathToFileURL(bffEntry()).href)
    })
    .addCommand(rotateKeysCommand(shell))
}
