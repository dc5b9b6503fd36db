import { allNodes, type CompletionNode, nameOf } from './completion-tree.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

const PROGRAM = 'glassgate';

/** The completion script of a shell for a program. */
export function completionScript(shell: Shell, root: CompletionNode): string {
  return { bash, zsh, fish }[shell](root);
}

/** Cases that follow the words typed so far from command to subcommand. */
function descent(nodes: readonly CompletionNode[], variable = 'path'): string {
  return nodes
    .filter(({ path }) => path !== '')
    .map((node) => `      '${node.path}') ${variable}='${node.path}' ;;`)
    .join('\n');
}

/** Files are what bash offers where there is nothing else (`-o default`). */
function bash(root: CompletionNode): string {
  const nodes = allNodes(root);
  const values = nodes.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .flatMap(({ flags, choices }) => flags.map((flag) => `    '${path} ${flag}') offered='${choices.join(' ')}' ;;`)),
  );
  const words = nodes.map(({ path, options, children, choices }) => {
    const flags = options.flatMap((option) => option.flags.filter((flag) => flag.startsWith('--')));
    return `      '${path}') if [[ $cur == -* ]]; then offered='${flags.join(' ')}'; else offered='${[...children.map(nameOf), ...choices].join(' ')}'; fi ;;`;
  });
  return `# ${PROGRAM} completion for bash: eval "$(${PROGRAM} completion bash)"
_${PROGRAM}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path='' offered='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
${descent(nodes)}
    esac
  done
  case "$path $prev" in
${values.join('\n')}
    *) case "$path" in
${words.join('\n')}
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$offered" -- "$cur"))
}
complete -o default -F _${PROGRAM} ${PROGRAM}
`;
}

/** `path` is zsh's own: its array of folders with programs. */
function zsh(root: CompletionNode): string {
  const nodes = allNodes(root);
  const cases = nodes.map(({ path, options, children, choices }) => {
    const flags = options.flatMap((option) =>
      option.flags
        .filter((flag) => flag.startsWith('--'))
        .map((flag) => `'*${flag}[${zshText(option.description)}]${zshValue(option)}'`),
    );
    const entries = [
      ...children.map((child) => `'${nameOf(child)}:${zshText(child.summary)}'`),
      ...choices.map((choice) => `'${choice}'`),
    ];
    const rest =
      entries.length > 0
        ? `'*: :((${entries.map((entry) => entry.slice(1, -1).replace(/ /g, '\\ ')).join(' ')}))'`
        : `'*:file:_files'`;
    return `    '${path}') _arguments ${[...flags, rest].join(' ')} ;;`;
  });
  return `#compdef ${PROGRAM}
# ${PROGRAM} completion for zsh: put it into a folder of $fpath as _${PROGRAM}
_${PROGRAM}() {
  local at='' word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${at:+$at }$word" in
${descent(nodes, 'at')}
    esac
  done
  case "$at" in
${cases.join('\n')}
  esac
}
_${PROGRAM} "$@"
`;
}

function zshText(text: string): string {
  return text.replace(/[':[\]\\()]/g, ' ');
}

function zshValue({ takesValue, choices }: CompletionNode['options'][number]): string {
  if (!takesValue) return '';
  return choices.length > 0 ? `:value:(${choices.join(' ')})` : ':file:_files';
}

function fish(root: CompletionNode): string {
  const lines = allNodes(root).flatMap((node) => {
    const condition = `-n '${fishCondition(node)}'`;
    const words = node.children.map(
      (child) => `complete -c ${PROGRAM} ${condition} -f -a ${nameOf(child)} -d '${fishText(child.summary)}'`,
    );
    const choices = node.choices.map((choice) => `complete -c ${PROGRAM} ${condition} -f -a ${choice}`);
    const options = node.options.map(({ flags, description, takesValue, choices: values }) => {
      const names = flags
        .map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`))
        .join(' ');
      const value = takesValue ? (values.length > 0 ? ` -x -a '${values.join(' ')}'` : ' -r') : '';
      return `complete -c ${PROGRAM} ${condition} ${names}${value} -d '${fishText(description)}'`;
    });
    return [...words, ...choices, ...options];
  });
  return `# ${PROGRAM} completion for fish: ${PROGRAM} completion fish > ~/.config/fish/completions/${PROGRAM}.fish\n${lines.join('\n')}\n`;
}

/** Every word of the path was typed, and none of a command below. */
function fishCondition({ path, children }: CompletionNode): string {
  const below = children.map(nameOf).join(' ');
  if (path === '') return '__fish_use_subcommand';
  const typed = path.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`);
  return [...typed, ...(below === '' ? [] : [`not __fish_seen_subcommand_from ${below}`])].join('; and ');
}

function fishText(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/'/g, "\\'");
}
