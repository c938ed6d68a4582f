// Entry into guest code, the landing pad of every trap, and the stub through which the guest calls host functions
// (activation.h; invariants TRAP-1, TRAP-3, INT-1 in trap_handler.cc). System V calling convention.
//
// Two readers for every change.

#define HOST_SP 0
#define GUEST_SP 8          // the marker: 0 while the guest runs
#define INTERRUPTED 16
#define MXCSR 20
#define FCW 24
#define FP_CHANGED 28
#define STACK_TOP 32
#define LEFT_PC 40
#define LEFT_SP 48
#define LEFT_FP 56
#define LEFT_EXACT 72

#define TRAP_INTERRUPTED 11 // TrapCode::kInterrupted
#define NOT_ENTERED 0x100   // kNotEntered

        .text
        .hidden guardc_stubs_begin
        .globl  guardc_stubs_begin
guardc_stubs_begin:

// uint32_t guardc_enter_guest(rdi activation, rsi entry, rdx context, rcx code, r8 values)
        .p2align 4
        .hidden guardc_enter_guest
        .globl  guardc_enter_guest
        .type   guardc_enter_guest, @function
guardc_enter_guest:
        .cfi_startproc
        pushq   %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        pushq   %rbx
        .cfi_def_cfa_offset 24
        .cfi_offset %rbx, -24
        pushq   %r12
        .cfi_def_cfa_offset 32
        .cfi_offset %r12, -32
        pushq   %r13
        .cfi_def_cfa_offset 40
        .cfi_offset %r13, -40
        pushq   %r14
        .cfi_def_cfa_offset 48
        .cfi_offset %r14, -48
        pushq   %r15
        .cfi_def_cfa_offset 56
        .cfi_offset %r15, -56
        subq    $8, %rsp                // host functions are called from here: aligned to 16
        .cfi_def_cfa_offset 64

        // The guest computes with every exception masked and rounding to nearest; the six low bits of MXCSR are only
        // what has happened so far.
        stmxcsr MXCSR(%rdi)
        fnstcw  FCW(%rdi)
        movl    MXCSR(%rdi), %eax
        andl    $0xffc0, %eax
        xorl    $0x1f80, %eax
        movzwl  FCW(%rdi), %r9d
        xorl    $0x037f, %r9d
        orl     %r9d, %eax
        movl    %eax, FP_CHANGED(%rdi)
        jnz     .Lset_guest_fp
.Lfp_ready:
        movq    %rdi, %rbx
        movq    %rsp, HOST_SP(%rbx)
        // While on the guest's stack, the caller's frame is found through the activation: CFA = *(rbx + HOST_SP) + 64.
        .cfi_remember_state
        .cfi_escape 0x0f, 0x05, 0x73, HOST_SP, 0x06, 0x23, 0x40
        movq    %rsi, %rax
        movq    %rdx, %rdi
        movq    %rcx, %rsi
        movq    %r8, %rdx
        // First the stack, then the marker, then the flag: a request that comes before the marker is seen here, one
        // that comes after it is redirected by its signal.
        movq    STACK_TOP(%rbx), %rsp
        movq    $0, GUEST_SP(%rbx)
        cmpl    $0, INTERRUPTED(%rbx)
        jne     .Lnot_entered
        callq   *%rax
        xorl    %eax, %eax
.Lleave:
        movq    %rsp, GUEST_SP(%rbx)
        movq    HOST_SP(%rbx), %rsp
        .cfi_restore_state
        cmpl    $0, FP_CHANGED(%rbx)
        jne     .Lset_host_fp
.Lreturn:
        .cfi_remember_state
        addq    $8, %rsp
        .cfi_def_cfa_offset 56
        popq    %r15
        .cfi_def_cfa_offset 48
        popq    %r14
        .cfi_def_cfa_offset 40
        popq    %r13
        .cfi_def_cfa_offset 32
        popq    %r12
        .cfi_def_cfa_offset 24
        popq    %rbx
        .cfi_def_cfa_offset 16
        popq    %rbp
        .cfi_def_cfa_offset 8
        retq
        .cfi_restore_state
.Lset_host_fp:
        ldmxcsr MXCSR(%rbx)
        fldcw   FCW(%rbx)
        jmp     .Lreturn
.Lset_guest_fp:
        ldmxcsr .Lguest_mxcsr(%rip)
        fldcw   .Lguest_fcw(%rip)
        jmp     .Lfp_ready
.Lnot_entered:
        movl    $NOT_ENTERED, %eax
        jmp     .Lleave

// rbx activation, eax trap code; any stack, any floating-point state. Does not touch the stack it comes from: that may
// be used up.
        .p2align 4
        .hidden guardc_landing_pad
        .globl  guardc_landing_pad
        .type   guardc_landing_pad, @function
guardc_landing_pad:
        movq    %rbx, GUEST_SP(%rbx)    // not 0: the guest no longer runs
        movq    HOST_SP(%rbx), %rsp
        cld
        pushfq
        andl    $~0x40000, (%rsp)       // no alignment checks
        popfq
        fninit
        fldcw   FCW(%rbx)
        ldmxcsr MXCSR(%rbx)
        jmp     .Lreturn
        .cfi_endproc
        .size   guardc_enter_guest, . - guardc_enter_guest

// void guardc_call_host(rdi fn, rsi self, rdx values), called by generated code on the guest's stack.
        .p2align 4
        .hidden guardc_call_host
        .globl  guardc_call_host
        .type   guardc_call_host, @function
guardc_call_host:
        .cfi_startproc
        pushq   %rbx
        .cfi_def_cfa_offset 16
        .cfi_offset %rbx, -16
        movq    guardc_current_activation@gottpoff(%rip), %rax
        movq    %fs:(%rax), %rbx
        movq    %rsp, GUEST_SP(%rbx)    // from here on the flag is tested when the host function has returned
        .cfi_remember_state
        .cfi_escape 0x0f, 0x05, 0x73, GUEST_SP, 0x06, 0x23, 0x10
        movq    HOST_SP(%rbx), %rsp
        movq    %rdi, %rax
        movq    %rsi, %rdi
        movq    %rdx, %rsi
        cmpl    $0, FP_CHANGED(%rbx)
        jne     .Lcall_with_host_fp
        callq   *%rax
.Lreturned:
        testb   %al, %al
        jne     .Lended_by_host
        movq    GUEST_SP(%rbx), %rsp
        .cfi_restore_state
        // Stack, marker, flag: as at the entry.
        movq    $0, GUEST_SP(%rbx)
        cmpl    $0, INTERRUPTED(%rbx)
        jne     .Linterrupted
        popq    %rbx
        .cfi_def_cfa_offset 8
        .cfi_restore %rbx
        .hidden guardc_call_host_return
        .globl  guardc_call_host_return
guardc_call_host_return:                // the frame is gone again (backtrace.cc)
        retq
        .cfi_endproc

.Lcall_with_host_fp:
        ldmxcsr MXCSR(%rbx)
        fldcw   FCW(%rbx)
        callq   *%rax
        ldmxcsr .Lguest_mxcsr(%rip)
        fldcw   .Lguest_fcw(%rip)
        jmp     .Lreturned
.Linterrupted:
        movq    %rsp, GUEST_SP(%rbx)
        movl    $TRAP_INTERRUPTED, %eax
        // fall through
.Lended_by_host:
        movzbl  %al, %eax
        movq    GUEST_SP(%rbx), %rcx
        movq    8(%rcx), %rdx           // the return address into the guest
        movq    %rdx, LEFT_PC(%rbx)
        addq    $16, %rcx
        movq    %rcx, LEFT_SP(%rbx)
        movq    %rbp, LEFT_FP(%rbx)
        movq    $0, LEFT_EXACT(%rbx)
        jmp     guardc_landing_pad
        .size   guardc_call_host, . - guardc_call_host

        .hidden guardc_stubs_end
        .globl  guardc_stubs_end
guardc_stubs_end:

        .section .rodata
        .p2align 2
.Lguest_mxcsr:
        .long   0x1f80
.Lguest_fcw:
        .word   0x037f

        .section .note.GNU-stack, "", @progbits
