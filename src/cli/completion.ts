import { COMMANDS, GLOBAL_OPTIONS } from './commands.ts'
import type { Run } from './commands.ts'
import { EXIT } from './exit-code.ts'
import { UsageError } from './usage-error.ts'

const names = [...COMMANDS.keys()]
const options = (record: object): string =>
  Object.keys(record)
    .map((name) => `--${name}`)
    .join(' ')

const SHELLS: Readonly<Record<string, () => string>> = { bash, zsh, fish }

/** `hasql completion`: what a shell needs to complete our words. */
export const completion: Run = async ({ positionals: [shell = ''] }, { out }) => {
  const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined
  if (script === undefined) throw new UsageError('A shell is expected: hasql completion bash, zsh or fish')
  out.write(script())
  return EXIT.ok
}

/** What may follow the words that stand there already. */
function cases(line: (command: string, words: string) => string): string {
  const words = { help: names.join(' '), completion: Object.keys(SHELLS).join(' ') }
  return [...COMMANDS]
    .map(([name, command]) =>
      line(
        name,
        [Object.entries(words).find(([each]) => each === name)?.[1], options(command.options)]
          .filter(Boolean)
          .join(' '),
      ),
    )
    .join('\n')
}

function bash(): string {
  return `_hasql() {
  local words
  case "\${COMP_WORDS[1]}" in
${cases((name, words) => `    ${name}) words='${words}' ;;`)}
  esac
  if [ "$COMP_CWORD" -le 1 ]; then words='${names.join(' ')} ${options(GLOBAL_OPTIONS)}'; fi
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _hasql hasql
`
}

function zsh(): string {
  return `#compdef hasql
_hasql() {
  if (( CURRENT == 2 )); then
    compadd -- ${names.join(' ')} ${options(GLOBAL_OPTIONS)}
    return
  fi
  case "$words[2]" in
${cases((name, words) => `    ${name}) compadd -- ${words} ;;`)}
  esac
}
compdef _hasql hasql
`
}

function fish(): string {
  const quote = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`
  const lines = [...COMMANDS].flatMap(([name, { summary, options: each }]) => [
    `complete -c hasql -n __fish_use_subcommand -a ${name} -d ${quote(summary)}`,
    ...Object.entries(each).map(
      ([option, { short, value, text }]) =>
        `complete -c hasql -n '__fish_seen_subcommand_from ${name}' -l ${option}${short === undefined ? '' : ` -s ${short}`}${value === undefined ? '' : ' -x'} -d ${quote(text)}`,
    ),
  ])
  const shells = `complete -c hasql -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'`
  return `complete -c hasql -f\n${lines.join('\n')}\n${shells}\n`
}
