import { shellWord } from '../terminal/shell-word.ts'

const steerable = /rekey break-glass (resume|check|show|unfreeze) [A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?/g
const telling = ['resume', 'check']

/** What a command was told, and the next one has to be told again. */
export interface Told {
  idpCommands?: string | undefined
  /** As `--api` takes them: without it the next command sends these the secret of the internal endpoints no more. */
  api?: readonly string[] | undefined
}

/** A text whose commands are told the same: whoever copies one would otherwise ask another identity provider, and fewer APIs. */
export function withCommandsNamed(text: string, { idpCommands, api = [] }: Told): string {
  const provider = idpCommands === undefined ? '' : ` --idp-commands ${shellWord(idpCommands)}`
  const apis = api.map((spec) => ` --api ${shellWord(spec)}`).join('')
  return text.replace(steerable, (command, act) => `${command}${provider}${telling.includes(act) ? apis : ''}`)
}
