// Pages of the manual, as man(7) wants them.
#include <algorithm>
#include <cctype>

#include "guardc/version.h"
#include "tools/command_tree.h"

namespace guardc::cli {
namespace {

// Text in which troff finds no request, no escape and no typographic quote or hyphen.
std::string Escape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool starts_line = i == 0 || text[i - 1] == '\n';
    if (starts_line && (text[i] == '.' || text[i] == '\'')) out += "\\&";
    switch (text[i]) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '`':
        out += "\\(ga";
        break;
      case '~':
        out += "\\(ti";
        break;
      case '^':
        out += "\\(ha";
        break;
      default:
        out += text[i];
    }
  }
  return out;
}

std::string Bold(const std::string& text) { return "\\fB" + Escape(text) + "\\fR"; }
std::string Italic(const std::string& text) { return "\\fI" + Escape(text) + "\\fR"; }

std::string Upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string Arguments(const std::vector<ArgumentNode>& arguments) {
  std::string out;
  for (const ArgumentNode& argument : arguments) {
    out += ".TP\n";
    for (const std::string& name : argument.names) out += (name == argument.names.front() ? "" : ", ") + Bold(name);
    if (!argument.type.empty()) out += (argument.names.empty() ? "" : " ") + Italic(argument.type);
    if (argument.repeats && argument.names.empty()) out += "...";
    out += "\n" + Escape(argument.help);
    if (!argument.default_text.empty()) out += " (default: " + Escape(argument.default_text) + ")";
    out += "\n";
  }
  return out;
}

std::string Synopsis(const CommandNode& command, const std::string& path) {
  std::string out = Bold(path) + " [" + Italic("options") + "]";
  for (const ArgumentNode& argument : command.positionals) {
    const std::string shown = Italic(argument.type) + (argument.repeats ? "..." : "");
    out += argument.is_required ? " " + shown : " [" + shown + "]";
  }
  if (!command.commands.empty()) out += " " + Italic("command");
  if (command.passes_on) out += " [" + Italic("arguments") + "...]";
  return out + "\n";
}

// A footer has lines of examples, indented below "Example:" or "Examples:", a line "Exit status: ...", and text.
std::string Footer(const std::string& footer, const char* heading) {
  std::string notes;
  std::string examples;
  std::string status;
  constexpr std::string_view kStatus = "Exit status: ";
  std::string* last = &notes;
  for (size_t begin = 0; begin < footer.size();) {
    const size_t end = std::min(footer.find('\n', begin), footer.size());
    const std::string line = footer.substr(begin, end - begin);
    begin = end + 1;
    if (line.starts_with("Example")) {
      last = &examples;
    } else if (line.starts_with("  ")) {
      *last += Escape(line.substr(2)) + "\n";
    } else if (line.starts_with(kStatus)) {
      last = &status;
      status += Escape(line.substr(kStatus.size())) + "\n";
    } else {
      if (last == &examples) last = &notes;
      const bool starts = last->empty();
      *last += !line.empty() ? Escape(line) + "\n" : starts ? "" : ".PP\n";
    }
  }
  std::string out;
  const auto section = [&](const char* name, const std::string& text, bool as_it_is) {
    if (text.find_first_not_of(".P\n") == std::string::npos) return;
    out += std::string(heading) + " " + name + "\n" + (as_it_is ? ".nf\n" + text + ".fi\n" : text);
  };
  section("NOTES", notes, false);
  section("\"EXIT STATUS\"", status, false);
  section("EXAMPLES", examples, true);
  return out;
}

}  // namespace

std::string ManPage(const CommandNode& program, const CommandNode& command) {
  const bool is_program = &command == &program;
  const std::string name = is_program ? program.name : program.name + "-" + command.name;
  const std::string path = is_program ? program.name : program.name + " " + command.name;
  std::string out = ".TH " + Escape(Upper(name)) + " 1 \"\" \"" + program.name + " " + std::string(kVersion) + "\" \"" +
                    program.name + " manual\"\n.SH NAME\n" + Escape(name) + " \\- " + Escape(command.description) +
                    "\n.SH SYNOPSIS\n" + Synopsis(command, path);
  if (!command.positionals.empty()) out += ".SH ARGUMENTS\n" + Arguments(command.positionals);
  out += ".SH OPTIONS\n" + Arguments(command.options);
  if (!command.commands.empty()) out += ".SH COMMANDS\n";
  for (const CommandNode& sub : command.commands) {
    if (is_program) {
      out += ".TP\n" + Bold(sub.name) + "\n" + Escape(sub.description) + ": see " +
             Bold(program.name + "-" + sub.name) + "(1)\n";
      continue;
    }
    out += ".SS " + Escape(path + " " + sub.name) + "\n" + Escape(sub.description) + ".\n.PP\n" +
           Synopsis(sub, path + " " + sub.name) + Arguments(sub.positionals) + Arguments(sub.options);
    out += Footer(sub.footer, ".PP\n.B");
  }
  out += Footer(command.footer, ".SH");
  if (is_program) return out;
  return out + ".SH \"SEE ALSO\"\n" + Bold(program.name) + "(1)\n";
}

}  // namespace guardc::cli
