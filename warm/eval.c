/* By the interpreters' own C interfaces, found by name: one library serves every version. */
#include "warm/eval.h"

#include <dlfcn.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* -- Python: https://docs.python.org/3/c-api -- */

struct object; /* PyObject */

#define FILE_INPUT 257 /* Py_file_input */

static struct {
	int (*PyGILState_Ensure)(void);
	void (*PyGILState_Release)(int);
	struct object *(*PyDict_New)(void);
	int (*PyDict_SetItemString)(struct object *, const char *, struct object *);
	int (*PyDict_DelItemString)(struct object *, const char *);
	struct object *(*PyDict_GetItemString)(struct object *, const char *);
	struct object *(*PyEval_GetBuiltins)(void);
	struct object *(*PyRun_StringFlags)(const char *, int, struct object *, struct object *,
					    void *);
	struct object *(*PyRun_FileExFlags)(FILE *, const char *, int, struct object *,
					    struct object *, int, void *);
	struct object *(*PyObject_CallFunction)(struct object *, const char *, ...);
	struct object *(*PyObject_GetAttrString)(struct object *, const char *);
	int (*PyErr_ExceptionMatches)(struct object *);
	void (*PyErr_Fetch)(struct object **, struct object **, struct object **);
	void (*PyErr_NormalizeException)(struct object **, struct object **, struct object **);
	void (*PyErr_Restore)(struct object *, struct object *, struct object *);
	void (*PyErr_Print)(void);
	struct object *(*PyImport_AddModule)(const char *);
	struct object *(*PyModule_GetDict)(struct object *);
	void (*Py_DecRef)(struct object *);
	void (*Py_Exit)(int);
	int (*Py_FinalizeEx)(void);
	struct object **PyExc_SystemExit, **PyExc_KeyboardInterrupt;
	struct object *names; /* of the script */
} py;

static bool find_python(void)
{
#define AT(name)                \
	{                       \
#name, &py.name \
	}
	static const struct {
		const char *name;
		void *at;
	} FIND[] = {
		AT(PyGILState_Ensure),
		AT(PyGILState_Release),
		AT(PyDict_New),
		AT(PyDict_SetItemString),
		AT(PyDict_DelItemString),
		AT(PyDict_GetItemString),
		AT(PyEval_GetBuiltins),
		AT(PyRun_StringFlags),
		AT(PyRun_FileExFlags),
		AT(PyObject_CallFunction),
		AT(PyObject_GetAttrString),
		AT(PyErr_ExceptionMatches),
		AT(PyErr_Fetch),
		AT(PyErr_NormalizeException),
		AT(PyErr_Restore),
		AT(PyErr_Print),
		AT(PyImport_AddModule),
		AT(PyModule_GetDict),
		AT(Py_DecRef),
		AT(Py_Exit),
		AT(Py_FinalizeEx),
		AT(PyExc_SystemExit),
		AT(PyExc_KeyboardInterrupt),
	};
#undef AT
	for (size_t i = 0; i < sizeof(FIND) / sizeof(FIND[0]); i++) {
		void *symbol = dlsym(RTLD_DEFAULT, FIND[i].name);
		if (!symbol)
			return false;
		memcpy(FIND[i].at, &symbol, sizeof(symbol));
	}
	return true;
}

/* In names of its own: the program's have none of them. */
static bool eval_python(const char *script)
{
	int state = py.PyGILState_Ensure(); /* files are opened without the lock */
	py.names = py.PyDict_New();
	bool is_done =
		py.PyDict_SetItemString(py.names, "__builtins__", py.PyEval_GetBuiltins()) == 0 &&
		py.PyRun_StringFlags(script, FILE_INPUT, py.names, py.names, NULL);
	if (!is_done)
		py.PyErr_Print();
	py.PyGILState_Release(state);
	return is_done;
}

static struct object *of_script(const char *function)
{
	return py.PyDict_GetItemString(py.names, function);
}

/* As after PyRun_AnyFile in the interpreter's main: exit(), told or not; otherwise go on. */
static void end_failed(void)
{
	struct object *type, *value, *trace;
	bool is_exit = py.PyErr_ExceptionMatches(*py.PyExc_SystemExit) != 0;
	bool is_interrupt = py.PyErr_ExceptionMatches(*py.PyExc_KeyboardInterrupt) != 0;

	py.PyErr_Fetch(&type, &value, &trace);
	py.PyErr_NormalizeException(&type, &value, &trace);
	py.PyObject_CallFunction(of_script("flush"), "");
	if (is_exit)
		py.PyObject_CallFunction(of_script("exits"), "O", value);
	py.PyErr_Restore(type, value, trace);
	py.PyErr_Print(); /* of an exit it does not return */
	if (!is_interrupt)
		return;
	py.PyObject_CallFunction(of_script("forget_file"), "");
	py.PyObject_CallFunction(of_script("thaw"), "");
	py.Py_FinalizeEx();
	signal(SIGINT, SIG_DFL);
	kill(getpid(), SIGINT);
}

/* The interpreter's own way from here on, but that the script may end it early. */
static void run_python(FILE *program, const char *path)
{
	py.PyGILState_Ensure();
	struct object *names = py.PyObject_CallFunction(of_script("begin"), "s", path);
	struct object *done =
		py.PyRun_FileExFlags(program, path, FILE_INPUT, names, names, 1, NULL);
	py.Py_DecRef(names); /* or what is in it would never go */
	if (!done)
		end_failed();
	else
		py.PyObject_CallFunction(of_script("flush"), "");
	py.PyObject_CallFunction(of_script("forget_file"), "");
	py.PyObject_CallFunction(of_script("ended"), "i", done ? 0 : 1);
	py.PyObject_CallFunction(of_script("thaw"), "");
	py.Py_Exit(done ? 0 : 1);
}

/* -- Ruby: https://docs.ruby-lang.org/en/3.1/extension_rdoc.html -- */

static bool eval_ruby(const char *script)
{
	void *symbol = dlsym(RTLD_DEFAULT, "rb_eval_string_protect");
	unsigned long (*run)(const char *, int *);
	int state = 1;

	memcpy(&run, &symbol, sizeof(run));
	if (run)
		run(script, &state); /* what went wrong it keeps to itself */
	return state == 0;
}

/* -- whichever it is -- */

bool eval_script(const char *script)
{
	return find_python() ? eval_python(script) : eval_ruby(script);
}

void eval_program(FILE *program, const char *path)
{
	if (py.names)
		run_python(program, path);
}
