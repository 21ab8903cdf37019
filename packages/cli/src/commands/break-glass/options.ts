/** Arguments and options that several of these commands have. */
import { Argument, Option } from 'commander'
import { namePart, repeated } from '../words.ts'

/** INCIDENT: its id. */
export function incidentArgument(): Argument {
  return new Argument('<incident>', 'id of the incident').argParser(namePart)
}

/** `--idp-commands`: for an identity provider that is not Rekey's. */
export function commandsOption(): Option {
  return new Option(
    '--idp-commands <file>',
    'an identity provider that commands of yours steer, instead of the estate’s',
  )
}

/** The same for whoever goes on with one, whose plan somebody else may have stored. */
export function againOptions(): Option[] {
  const api =
    'APIs that the secret of the internal endpoints may be sent to, beside those of the estate (may be repeated)'
  return [new Option('--api <spec>', api).argParser(repeated), ...runOptions()]
}

/** What whoever carries an incident out can say. */
export function runOptions(): Option[] {
  return [
    new Option('--old-token-file <file>', 'a token by that key, where the identity provider cannot make one'),
    new Option('--out <file>', 'where to put the evidence (default: a new file in $REKEY_HOME/evidence)'),
    commandsOption(),
  ]
}
