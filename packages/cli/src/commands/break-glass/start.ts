import type { Command } from 'commander'
import type { Asked } from '../../break-glass/asked.ts'
import type { RunOptions } from '../../break-glass/run.ts'
import type { Shell } from '../../shell.ts'
import { newCommand, wantsJson } from '../command.ts'
import { duration, moment, momentOrAgo, namePart, repeated } from '../words.ts'
import { runOptions } from './options.ts'

interface StartOptions extends Asked, RunOptions {
  dryRun?: boolean
}

/** `rekey break-glass --kid … --incident … --reason …`: shuts the key out, proves it, and keeps the evidence. */
export function startCommand(shell: Shell): Command {
  const command = newCommand(
    'break-glass',
    'shut a compromised signing key out everywhere, prove it, keep the evidence',
  )
    .option('--kid <kid>', 'the compromised key, as it stands in the header of a token')
    .option('--incident <id>', 'the incident’s id; to say the same one again goes on with it', namePart)
    .option('--reason <text>', 'why, for the audit trail')
    .option('--revoke-sub <sub>', 'end the sessions of a subject (may be repeated)', repeated)
    .option('--revoke-session <sid>', 'end a session (may be repeated)', repeated)
    .option('--revoke-client <id>', 'end what a client was issued (may be repeated)', repeated)
    .option('--revoke-jti <jti>', 'refused, with the reason why it does not help (may be repeated)', repeated)
    .option('--revoke-all-before <time>', 'end all that was issued before then ("now", or a time)', momentOrNow)
    .option('--since <time>', 'list changes since then: a time, or how long ago (24h)', momentOrAgo(shell.now))
    .option('--suspect-store', 'the database may have leaked too: replace every key in it, and the root key')
    .option('--api <spec>', 'URL, dns:URL, "URL library=jose path=/me" or @FILE (may be repeated)', repeated)
    .option('--prove-for <span>', 'try instances that are not proved again for so long', duration, '30s')
    .option('--dry-run', 'look, tell what would be done, and change nothing')
  for (const option of runOptions()) command.addOption(option)
  return command.addHelpText('after', help).action(async (options: StartOptions, self: Command) => {
    const { start, rehearseStart } = await import('../../break-glass/start.ts')
    const { dryRun, ...asked } = options
    await (dryRun ? rehearseStart : start)(shell, asked, wantsJson(self))
  })
}

function momentOrNow(text: string): string {
  return text === 'now' ? text : moment(text)
}

const help = `
INTERNAL_JWKS_REFRESH_TOKEN (or …_FILE) is what the APIs' internal endpoints ask for.
Exit codes: 0 contained and proved, 1 something is open or it failed, 3 the identity provider is away ("resume" goes on),
4 refused.`
