/** What must not be in a container file: a secret in any instruction, or a process that runs as root. */
import { DockerfileParser } from 'dockerfile-ast'

/** One instruction as it is carried out, lines joined. */
export interface Step {
  readonly stage: string
  readonly keyword: string
  readonly text: string
}

export function stepsOf(containerFile: string): Step[] {
  let stage = ''
  return DockerfileParser.parse(containerFile)
    .getInstructions()
    .map((instruction) => {
      const keyword = instruction.getKeyword()
      // With its flags, which are no arguments to the parser.
      const text = instruction
        .getTextContent()
        .slice(keyword.length)
        .replaceAll(/\\\n\s*/g, '')
        .trim()
      if (keyword === 'FROM') stage = / AS (\S+)$/i.exec(text)?.[1] ?? text
      return { stage, keyword, text }
    })
}

/** Variables that images may have: what is set here stays in the image for everybody who has it. */
const variables = ['NODE_ENV']
const known = [
  'FROM',
  'WORKDIR',
  'COPY',
  'RUN',
  'ENV',
  'USER',
  'EXPOSE',
  'STOPSIGNAL',
  'ENTRYPOINT',
  'CMD',
  'HEALTHCHECK',
]
const named = /(?:secret|password|passwd|token|api_?key|private|credential|salt|pgpass)/i
const shaped =
  /-----BEGIN|\b(?:sk_live_|ghp_|eyJ)[\w-]{8,}|\b[0-9a-f]{32,}\b|[A-Za-z0-9+/_-]{40,}|:\/\/[^\s/@]+:[^\s/@]+@/

/** Sentences, one for each thing that is wrong. */
export function wrongsOf(containerFile: string): string[] {
  const steps = stepsOf(containerFile)
  return [
    ...steps.flatMap(wrongsIn),
    ...stagesOf(steps)
      .filter(runsAsRoot)
      .map((stage) => `${stage.at(-1)?.stage} runs as root`),
  ]
}

function wrongsIn({ keyword, text }: Step): string[] {
  const wrongs: string[] = []
  if (!known.includes(keyword)) wrongs.push(`${keyword}: not one of those that are looked at`)
  if (keyword === 'ENV' && !variables.includes(/^[A-Za-z_]\w*/.exec(text)?.[0] ?? '')) wrongs.push(`ENV ${text}`)
  if (keyword === 'ENV' && text.trim().split(/\s+/).length > 1) wrongs.push(`ENV sets more than one: ${text}`)
  if (named.test(text)) wrongs.push(`${keyword} speaks of a secret`)
  if (shaped.test(text)) wrongs.push(`${keyword} has what looks like a secret`)
  if (keyword === 'RUN' && /--mount/.test(text)) wrongs.push('RUN mounts something')
  if (keyword === 'COPY' && !/^(?:\. \.|--from=build \/app \/app)$/.test(text)) wrongs.push(`COPY ${text}`)
  return wrongs
}

/** Stages that are made into images: whatever has a command. */
function stagesOf(steps: readonly Step[]): Step[][] {
  const byName = Map.groupBy(steps, ({ stage }) => stage)
  return [...byName.values()]
    .filter((stage) => stage.some(({ keyword }) => keyword === 'CMD'))
    .map((stage) => {
      const base = /^(\S+) AS/i.exec(stage[0]?.text ?? '')?.[1] ?? ''
      return [...(byName.get(base) ?? []), ...stage]
    })
}

function runsAsRoot(stage: readonly Step[]): boolean {
  const user = stage.findLast(({ keyword }) => keyword === 'USER')?.text
  return user === undefined || /^(?:root|0)(?::|$)/.test(user)
}
