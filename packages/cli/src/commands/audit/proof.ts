import type { EventProof } from '@rekey/database/offline'
import { Argument, type Command, InvalidArgumentError } from 'commander'
import { proveEvent } from '../../client/audit.ts'
import { CliError } from '../../error.ts'
import { print, type Shell } from '../../shell.ts'
import { counted } from '../../terminal/counted.ts'
import { members } from '../../terminal/table.ts'
import { chosen, type Instead, insteadOption, managementOf, newCommand, wantsJson } from '../command.ts'
import { signerOption } from '../words.ts'
import { signerText } from './verdict.ts'

interface Checked extends EventProof {
  verified: boolean
  signer: string
  problem?: string
}

/** `rekey audit proof EVENT`: that it stands in the chain. Checked here: whoever hands the proof out need not be believed. */
export function proofCommand(shell: Shell): Command {
  return newCommand(
    'proof',
    'show the proof that an event stands in the chain, and check it; exit 1 if it does not hold',
  )
    .addArgument(new Argument('<event>', 'id of the event, as "rekey audit list --wide" shows it').argParser(wholeId))
    .addOption(signerOption())
    .addOption(insteadOption())
    .action(async (id: string, { signer, bff }: Instead & { signer?: string }, command: Command) => {
      const { of, around } = chosen(bff, shell)
      const proof = await proveEvent<EventProof>(managementOf(around), id, of)
      const json = await check(proof, id, signer)
      print(shell, wantsJson(command), { json, text: proofText(json, id, signer) })
      if (!json.verified) throw new CliError('NOT_VERIFIED', 'the proof does not hold')
    })
}

/** The short form of a list says less than it takes to find an event. */
function wholeId(text: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return text
  throw new InvalidArgumentError('Write the whole id: "rekey audit list --wide" shows it.')
}

async function check(proof: EventProof, id: string, signer: string | undefined): Promise<Checked> {
  const { verifyProof } = await import('@rekey/database/offline')
  const found = verifyProof(proof, signer)
  // A proof of something else proves nothing of what was asked for.
  if (!found.verified || JSON.parse(proof.event).id === id) return { ...proof, ...found }
  return { ...proof, ...found, verified: false, problem: 'it is the proof of another event' }
}

function proofText(checked: Checked, id: string, wanted: string | undefined): string {
  const { verified, problem, seq, treeSize, event, hash } = checked
  const headline = verified
    ? `Event ${id} is number ${seq} of the chain, proven by a checkpoint over ${counted(treeSize, 'event')}.`
    : `It is NOT proven that event ${id} stands in the chain: ${problem}.`
  const told = members({ Event: event, Hash: hash, Signer: signerText(checked, wanted) })
  return `${headline}\n\n${told}`
}
