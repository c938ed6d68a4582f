// Scripts that complete the command's arguments in a shell. They are made of what is known when they are made: nothing
// is started while somebody types.
#include <functional>

#include "tools/command_tree.h"

namespace guardc::cli {
namespace {

using Visit = std::function<void(const CommandNode&, const std::string& path)>;

// Each command with the words that lead to it.
void ForEach(const CommandNode& command, const std::string& path, const Visit& visit) {
  visit(command, path);
  for (const CommandNode& sub : command.commands) ForEach(sub, path + " " + sub.name, visit);
}

std::string Join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// Within single quotes, where `quote` stands for one.
std::string Quoted(const std::string& text, const char* quote) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += quote;
    } else {
      out += c;
    }
  }
  return out + "'";
}

// ---- bash
// ------------------------------------------------------------------------------------------------------------

std::string BashReply(const TypeValues& values) {
  std::string out;
  if (!values.words.empty()) out += " -W '" + Join(values.words) + "'";
  if (values.files) out += " -f";
  if (values.directories) out += " -d";
  return out;
}

// A label of `case`; "" where nothing is behind it.
void AddBashCase(std::string& cases, const std::string& label, const TypeValues& values) {
  const std::string reply = BashReply(values);
  cases += "    " + label + ") " + (reply.empty() ? ":" : "_guardc_reply" + reply) + " ;;\n";
}

std::string Bash(const CommandNode& program) {
  std::string commands;
  std::string with_value;
  std::string values;
  std::string options;
  std::string places;
  ForEach(program, program.name, [&](const CommandNode& command, const std::string& path) {
    if (&command != &program) commands += (commands.empty() ? "" : "|") + Quoted(path, "");
    std::vector<std::string> names;
    for (const ArgumentNode& option : command.options) {
      names.insert(names.end(), option.names.begin(), option.names.end());
      if (option.type.empty()) continue;
      std::string label;
      for (const std::string& name : option.names) label += (label.empty() ? "" : "|") + Quoted(path + " " + name, "");
      with_value += (with_value.empty() ? "" : "|") + label;
      AddBashCase(values, label, ValuesOf(option.type));
    }
    AddBashCase(options, Quoted(path, ""), {.words = names});
    if (!command.commands.empty()) {
      TypeValues subs;
      for (const CommandNode& sub : command.commands) subs.words.push_back(sub.name);
      AddBashCase(places, Quoted(path + " 0", ""), subs);
    }
    for (size_t i = 0; i < command.positionals.size(); ++i) {
      const ArgumentNode& argument = command.positionals[i];
      AddBashCase(places, argument.repeats ? Quoted(path + " ", "") + "*" : Quoted(path + " " + std::to_string(i), ""),
                  ValuesOf(argument.type));
    }
    if (command.passes_on) AddBashCase(places, Quoted(path + " ", "") + "*", {.files = true});
  });
  return R"(# Completions of guardc for bash, made by `guardc completions bash`.
_guardc_reply() {
  compopt -o filenames 2>/dev/null
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen "$@" -- "$cur")
}
_guardc() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} path=guardc place=0 i word
  COMPREPLY=()
  # bash takes --name=value apart
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; ++i)); do
    word=${COMP_WORDS[i]}
    if [[ $word == = ]]; then ((++i)); continue; fi
    case "$path $word" in
    )" + commands +
         R"() path="$path $word"; place=0 ;;
    )" + with_value +
         R"() [[ ${COMP_WORDS[i+1]} == = ]] || ((++i)) ;;
    *' -'?*) ;;
    *) ((++place)) ;;
    esac
  done
  case "$path $prev" in
    )" + with_value +
         R"() case "$path $prev" in
)" + values +
         R"(    esac
    return ;;
  esac
  if [[ $cur == -?* || $cur == - ]]; then
    case "$path" in
)" + options +
         R"(    esac
    return
  fi
  case "$path $place" in
)" + places +
         R"(  esac
}
complete -F _guardc guardc
)";
}

// ---- zsh
// -------------------------------------------------------------------------------------------------------------

std::string ZshEscape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string ZshAction(const TypeValues& values) {
  if (values.files && !values.words.empty()) {
    return R"z({_alternative "files\:file\:_files" "words\:word\:()z" + Join(values.words) + R"z()"})z";
  }
  if (!values.words.empty()) return "(" + Join(values.words) + ")";
  if (values.files) return "_files";
  return values.directories ? "_files -/" : "";
}

std::string Zsh(const CommandNode& program) {
  constexpr const char* kQuote = "'\\''";
  std::string out = "#compdef guardc\n# Completions of guardc for zsh, made by `guardc completions zsh`.\n";
  ForEach(program, program.name, [&](const CommandNode& command, const std::string& path) {
    std::string function = "_" + path;
    for (char& c : function) c = c == ' ' ? '_' : c;
    out += function + "() {\n  local curcontext=$curcontext state line\n  _arguments -C -s";
    for (const ArgumentNode& option : command.options) {
      for (const std::string& name : option.names) {
        std::string spec = name;
        if (!option.type.empty()) spec += name.starts_with("--") ? "=" : "+";
        spec += "[" + ZshEscape(option.help) + "]";
        if (!option.type.empty()) spec += ":" + ZshEscape(option.type) + ":" + ZshAction(ValuesOf(option.type));
        out += " \\\n    " + Quoted(spec, kQuote);
      }
    }
    for (const ArgumentNode& argument : command.positionals) {
      out += " \\\n    " + Quoted((argument.repeats ? "*:" : ":") + ZshEscape(argument.type) + ":" +
                                      ZshAction(ValuesOf(argument.type)),
                                  kQuote);
    }
    if (command.passes_on) out += " \\\n    '*::argument:_files'";
    if (command.commands.empty()) {
      out += "\n}\n";
      return;
    }
    out +=
        " \\\n    '1:command:->command' '*::argument:->argument'\n  case $state in\n  command)\n    local -a "
        "commands=(";
    for (const CommandNode& sub : command.commands) {
      out += "\n      " + Quoted(ZshEscape(sub.name) + ":" + ZshEscape(sub.description), kQuote);
    }
    out += ")\n    _describe command commands ;;\n  argument)\n    case $line[1] in\n";
    for (const CommandNode& sub : command.commands)
      out += "    " + sub.name + ") " + function + "_" + sub.name + " ;;\n";
    out += "    esac ;;\n  esac\n}\n";
  });
  return out + "if [[ $funcstack[1] == _guardc ]]; then _guardc \"$@\"; else compdef _guardc guardc; fi\n";
}

// ---- fish
// ------------------------------------------------------------------------------------------------------------

std::string FishValues(const TypeValues& values) {
  std::string out = values.files ? " -r -F" : values.directories ? " -x -a '(__fish_complete_directories)'" : " -x";
  if (!values.words.empty()) out += " -a '" + Join(values.words) + "'";
  return out;
}

std::string Fish(const CommandNode& program) {
  constexpr const char* kQuote = "\\'";
  std::string commands;
  std::string lines;
  ForEach(program, program.name, [&](const CommandNode& command, const std::string& path) {
    if (&command != &program) commands += " " + Quoted(path, kQuote);
    const std::string start = "complete -c guardc -n '__guardc_at " + path + "'";
    for (const ArgumentNode& option : command.options) {
      lines += start;
      for (const std::string& name : option.names) {
        lines += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      if (!option.type.empty()) lines += FishValues(ValuesOf(option.type));
      lines += " -d " + Quoted(option.help, kQuote) + "\n";
    }
    for (const CommandNode& sub : command.commands) {
      lines += start + " -f -a " + sub.name + " -d " + Quoted(sub.description, kQuote) + "\n";
    }
    for (const ArgumentNode& argument : command.positionals) {
      const TypeValues values = ValuesOf(argument.type);
      lines += start + (values.files ? " -F" : " -f");
      if (!values.words.empty()) lines += " -a '" + Join(values.words) + "'";
      lines += "\n";
    }
    if (command.passes_on) lines += start + " -F\n";
  });
  return R"(# Completions of guardc for fish, made by `guardc completions fish`.
function __guardc_at
    set -l path guardc
    for word in (commandline -opc)[2..-1]
        switch "$path $word"
            case)" +
         commands + R"(
                set path "$path $word"
        end
    end
    test "$path" = "$argv"
end
complete -c guardc -f
)" + lines;
}

}  // namespace

std::string CompletionScript(const CommandNode& program, const std::string& shell) {
  if (shell == "bash") return Bash(program);
  return shell == "zsh" ? Zsh(program) : Fish(program);
}

}  // namespace guardc::cli
